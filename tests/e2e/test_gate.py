"""The gate in a running bot: servers, direct messages, installations, bans; every command is behind it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sandbox.actors import text_of
from sandbox.defaults import ELSEWHERE, add_guild
from sandbox.handles import GuildHandle
from sandbox.model import Permission
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import eventually, labels, made, more, private
from tests.e2e.conftest import running

BANNED = "This server's moderators have banned you from the bot. If that is a mistake, write to them"


def stored(bot: BotProcess, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as connection, connection:
        connection.execute(sql, values)


def _sample(bot: BotProcess, kind: int) -> Any:
    """Return a value for a type of option."""
    person = bot.sandbox.member("carol")
    return {3: "1", 4: 1, 5: True, 6: person, 10: 1.0, 11: ("a.mp3", b"x")}[kind]


def every_command(bot: BotProcess) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each slash command with its required options."""
    for command in bot.sandbox.world.commands_of(None):
        if command.type == 1:
            yield from _leaves(bot, command.name, command.body.get("options") or [])


def _leaves(
    bot: BotProcess, name: str, options: list[dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    inner = [one for one in options if one["type"] in (1, 2)]
    for one in inner:
        yield from _leaves(bot, f"{name} {one['name']}", one.get("options") or [])
    if not inner:
        needed = [one for one in options if one.get("required")]
        yield (
            name,
            {
                one["name"]: one["choices"][0]["value"] if one.get("choices") else _sample(bot, one["type"])
                for one in needed
            },
        )


async def test_a_banned_member_gets_the_reason_from_every_command_menu_button_and_form(
    description: Spec, tmp_path: Path
) -> None:
    async with running(description, tmp_path) as bot:
        mina, alice = bot.sandbox.member("mina"), bot.sandbox.member("alice")
        clip = await made(alice, "before the ban")
        form = await alice.message_menu("Save as preset", clip)
        opened = await more(alice, clip)
        await bot.kill()
        guild = bot.sandbox.guild()
        stored(bot, "INSERT INTO member_bans VALUES (?, ?, ?, 0, '')", guild.id, alice.id, mina.id)
        await bot.restart()
        tried = 0
        for name, options in every_command(bot):
            if name.split()[0] not in alice.commands():
                continue
            answer = await private(await alice.slash(name, options))
            if name.startswith("privacy"):
                assert BANNED not in text_of(answer), "one's own data is everybody's"
            else:
                assert text_of(answer).startswith(BANNED), name
            tried += 1
        assert tried >= 15
        for command in bot.sandbox.world.commands_of(None):
            if command.type == 3 and command.name in alice.commands():
                assert BANNED in text_of(await private(await alice.message_menu(command.name, clip)))
        below = dict.fromkeys(labels(clip), clip) | dict.fromkeys(labels(opened), opened)
        assert below.keys() >= {"Again", "More", "Duel", "Details", "Delete"}
        for button, message in below.items():
            assert BANNED in text_of(await private(await alice.click(message, button))), button
        assert BANNED in text_of(await private(await alice.submit(form, {"name": "mine"})))
        assert await alice.autocomplete("music", "prompt", "") == []
        # Elsewhere the ban does not hold: it is that server's.
        lobby = bot.sandbox.channel("lobby", ELSEWHERE)
        await made(alice, "another place", at=lobby)
        assert not [line for line in bot.lines if "Traceback" in line]


async def test_servers_that_are_not_allowed_are_left_with_a_word(description: Spec, tmp_path: Path) -> None:
    async with running(description, tmp_path) as bot:
        home = bot.sandbox.guild()
        await bot.kill()
        quiet = GuildHandle(bot.sandbox, add_guild(bot.sandbox.world, "Quiet", ["talk"], bot=True))
        quiet.permissions(deny=Permission.SEND_MESSAGES)
        bot.environment["ALLOWED_GUILDS"] = f"{home.id}, 1"
        await bot.restart()
        await bot.printed("is online in")
        me = bot.sandbox.application_id
        await eventually(lambda: me not in quiet.guild.members, "the end in the quiet server")
        # There it may write nowhere, so the owner reads it.
        owner = bot.sandbox.world.dm(quiet.guild.owner_id, me)
        assert "Quiet: Thank you for adding me." in text_of(bot.sandbox.world.history(owner.id)[-1])
        elsewhere = bot.sandbox.guild(ELSEWHERE)
        elsewhere.add_bot()
        lobby = bot.sandbox.channel("lobby", ELSEWHERE)
        said = await lobby.wait_for(lambda one: one.author_id == me)
        assert "My owner only runs me for other servers, so I'm leaving this one." in text_of(said)
        await eventually(lambda: me not in elsewhere.guild.members, "the end elsewhere")
        await made(bot.sandbox.member("bob"), "at home as before")


async def test_a_server_is_greeted(description: Spec, tmp_path: Path) -> None:
    async with running(description, tmp_path) as bot:
        await bot.printed("is online in")  # servers before that are no news
        bot.sandbox.guild(ELSEWHERE).add_bot()
        me = bot.sandbox.application_id
        said = await bot.sandbox.channel("lobby", ELSEWHERE).wait_for(lambda one: one.author_id == me)
        assert "/music" in text_of(said)


async def test_direct_messages_and_own_installations_can_be_switched_off(
    description: Spec, tmp_path: Path
) -> None:
    strict = {"ALLOW_DMS": "false", "ALLOW_USER_INSTALL": "no", "ACCOUNT_DAYS": "732"}
    async with running(description, tmp_path, **strict) as bot:
        alice = bot.sandbox.member("alice")

        async def refused(place: str, at: Any) -> str:
            return text_of(await private(await alice.slash("music", prompt=place, at=at)))

        lobby = bot.sandbox.channel("lobby", ELSEWHERE)
        assert "I only work in servers that I was added to." in await refused("elsewhere", lobby)
        assert "I don't work in direct messages." in await refused("dm", bot.sandbox.dm("alice"))
        young = await refused("too young", bot.sandbox.channel("music"))
        assert "has to be at least 732 days old" in young
        assert "Come back in 2 days." in young
        bot.advance(2 * 86_400)
        await made(alice, "old enough")
