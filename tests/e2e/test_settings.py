"""/settings as those who manage a server use it: each control changes what members may do, and survives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sandbox.actors import Actor, ChannelHandle, Reply, text_of
from sandbox.components import walk
from sandbox.model import Message, Permission
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import eventually, made, private
from tests.e2e.conftest import running

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAGES = {
    "ask_channels": "access",
    "ask_roles": "access",
    "duel_roles": "access",
    "moderator_roles": "access",
    "manager_roles": "access",
    "modes": "music",
    "default_mode": "music",
    "models": "music",
    "priority_roles": "limits",
    "boosters_first": "limits",
    "duels": "features",
    "duel_modes": "features",
    "duel_own_votes": "features",
    "plain_words": "features",
    "coach": "features",
    "language": "features",
    "early_preview": "features",
    "links": "moderation",
    "age_restricted": "moderation",
    "log_channel": "moderation",
    "channel_mode": "channel",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(description: Spec, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotProcess]:
    async with running(description, Path(tmp_path_factory.mktemp("settings")), DEFAULT_SECONDS="2") as bot:
        yield bot


@pytest.fixture
def mina(bot: BotProcess) -> Actor:
    return bot.sandbox.member("mina")


def controls(message: Message) -> dict[str, dict[str, Any]]:
    found = [
        one for _, one in walk(message.components) if one.get("custom_id", "").startswith("settings:set:")
    ]
    return {one["custom_id"].split(":")[2]: one for one in found}


async def opened(actor: Actor, page: str = "access", at: ChannelHandle | None = None) -> Message:
    panel = await private(await actor.slash("settings", at=at))
    if page != "access":
        select = next(
            one["custom_id"] for _, one in walk(panel.components) if "page" in one.get("custom_id", "")
        )
        await actor.select(panel, select, [page])
        await eventually(lambda: controls(panel) and "ask_roles" not in controls(panel), "the page")
    return panel


async def choose(actor: Actor, name: str, *values: Any, at: ChannelHandle | None = None) -> Message:
    """Choose the values of a select, or press the switch."""
    panel = await opened(actor, PAGES[name], at)
    control, before = controls(panel)[name], text_of(panel)
    if control["type"] == 2:
        await actor.click(panel, control["custom_id"])
    else:
        await actor.select(panel, control["custom_id"], list(values))
    await eventually(lambda: text_of(panel) != before, f"another value of {name}")
    return panel


async def write(actor: Actor, page: str, name: str, text: str, at: ChannelHandle | None = None) -> Message:
    """Fill in the form of a number, text or list of words."""
    panel = await opened(actor, page, at)
    before = text_of(panel)
    form = await actor.click(panel, controls(panel)[name]["custom_id"])
    await actor.submit(form, {name: text})
    await eventually(lambda: text_of(panel) != before, f"another value of {name}")
    return panel


async def asked(actor: Actor, prompt: str = "a tune", at: ChannelHandle | None = None, **options: Any) -> str:
    return text_of(await private(await actor.slash("music", {"prompt": prompt} | options, at=at)))


def answers(reply: Reply) -> list[Message]:
    return [one for one in (reply.message, *reply.followups) if one is not None]


async def test_only_managers_of_the_server_open_it(
    bot: BotProcess, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    music.overwrite(bob, allow=Permission.MANAGE_GUILD | Permission.MANAGE_MESSAGES)
    answer = text_of(await private(await bob.slash("settings")))
    assert "A permission in one channel isn't enough." in answer
    music.overwrite(bob)


async def test_a_member_cannot_use_a_control_that_they_were_shown(
    bot: BotProcess, mina: Actor, bob: Actor
) -> None:
    panel = await opened(mina, "features")
    panel.ephemeral_for = bob.id
    refusal = await private(await bob.click(panel, controls(panel)["duels"]["custom_id"]))
    assert "Only members who have Manage Server" in text_of(refusal)
    form = await bob.click(panel, controls(panel)["duel_hours"]["custom_id"])
    assert form.modal is None


async def test_channels_where_clips_may_be_asked(
    bot: BotProcess, mina: Actor, bob: Actor, music: ChannelHandle
) -> None:
    general = bot.sandbox.channel("general")
    panel = await choose(mina, "ask_channels", music)
    assert f"<#{music.id}>" in text_of(panel)
    refused = await asked(bob, at=general)
    assert refused == f"I don't make clips in this channel. Ask in <#{music.id}>."
    await made(bob, "in the right channel")
    thread = music.thread("side talk", by=bob)
    await made(bob, "in its thread", at=thread)
    assert "How to make music" in text_of(await private(await bob.slash("help", at=general)))
    await choose(mina, "ask_channels")
    await made(bob, "anywhere again", at=general)


async def test_roles(bot: BotProcess, mina: Actor, bob: Actor) -> None:
    guild = bot.sandbox.guild()
    role = guild.role("Moderator")
    await choose(mina, "ask_roles", role)
    assert f"One of these: <@&{role.id}>." in await asked(bob)
    await choose(mina, "ask_roles")
    await made(bob, "without a role")
    await choose(mina, "duel_roles", role)
    refused = await private(await bob.slash("duel start", prompt="one against one", seconds=2))
    assert "you need a role to start duels" in text_of(refused)
    await choose(mina, "duel_roles")
    duel = await (await bob.slash("duel start", prompt="one against one", seconds=2)).finished()
    assert "Duel" in text_of(duel)
    everyone = guild.role()
    await choose(mina, "moderator_roles", everyone)
    assert "Nobody is banned" in text_of(await private(await bob.slash("moderate bans")))
    await choose(mina, "moderator_roles")
    refused = await private(await bob.slash("moderate bans"))
    assert "Only moderators of the whole server can do that" in text_of(refused)
    await choose(mina, "manager_roles", everyone)
    assert controls(await opened(bob))
    await choose(bob, "manager_roles")
    assert "Only members who have" in text_of(await private(await bob.slash("settings")))


async def test_modes_models_and_lengths(bot: BotProcess, mina: Actor, bob: Actor) -> None:
    clip = await made(bob, "before", mode="ar")
    await choose(mina, "modes", "diffusion")
    assert "Mode ar is switched off in this server." in await asked(bob, mode="ar")
    assert "Mode ar is switched off" in text_of(await private(await bob.click(clip, "Again")))
    assert "diffusion" in text_of(await made(bob, "the only mode"))
    await choose(mina, "modes")
    await choose(mina, "default_mode", "diffusion")
    assert "diffusion" in text_of(await made(bob, "the default"))
    await choose(mina, "default_mode")
    panel = await opened(mina, "music")
    names = [one["value"] for one in controls(panel)["models"]["options"]]
    await choose(mina, "models", names[0])
    assert len(names) == 2
    refused = []
    for mode in ("ar", "diffusion"):
        reply = await bob.slash("music", prompt="one of two", mode=mode, seconds=2)
        await eventually(lambda: any(not one.loading for one in answers(reply)), "an answer")  # noqa: B023
        refused += ["isn't allowed in this server" in text_of(one) for one in answers(reply)]
    assert sorted(refused) == [False, True]
    await choose(mina, "models")
    await write(mina, "music", "max_seconds", "3")
    assert "3" in await asked(bob, seconds=4)
    await made(bob, "short enough", seconds=3)
    await write(mina, "music", "default_seconds", "3")
    assert "3 s" in text_of(await made(bob, "three by default", seconds=None))
    await write(mina, "music", "default_seconds", "")
    await write(mina, "music", "max_seconds", "")


async def test_seconds_a_day(bot: BotProcess, mina: Actor, bob: Actor) -> None:
    bot.advance(86_400)
    panel = await write(mina, "limits", "member_daily_seconds", "5")
    assert "5 s" in text_of(panel)
    await made(bob, "two of five", seconds=2)
    assert "you have asked for 2 s" in await asked(bob, seconds=4)
    await write(mina, "limits", "member_daily_seconds", "")
    await write(mina, "limits", "server_daily_seconds", "3")
    assert "2 s are used" in await asked(bob, seconds=4)
    await write(mina, "limits", "server_daily_seconds", "")
    await made(bob, "no limit", seconds=4)


async def test_a_number_that_cannot_be_is_refused_and_kept(bot: BotProcess, mina: Actor) -> None:
    panel = await opened(mina, "limits")
    form = await mina.click(panel, controls(panel)["account_days"]["custom_id"])
    refused = text_of(await private(await mina.submit(form, {"account_days": "a week"})))
    assert "“Age of accounts” has to be a number from 0.1 to 3650" in refused
    assert "> a week" in refused


async def test_duels_and_coach_are_switched_off_and_on(bot: BotProcess, mina: Actor, bob: Actor) -> None:
    await choose(mina, "duels")
    refused = await private(await bob.slash("duel start", prompt="one against one", seconds=2))
    assert "Duels are switched off in this server." in text_of(refused)
    await choose(mina, "duels")
    duel = await (await bob.slash("duel start", prompt="two against two", seconds=2)).finished()
    assert "Duel" in text_of(duel)
    await choose(mina, "coach")
    assert "The coach is switched off" in text_of(await private(await bob.slash("coach", prompt="a song")))
    await choose(mina, "coach")
    assert "coach is switched off" not in text_of(await private(await bob.slash("coach", prompt="a song")))


async def test_words_links_and_age(bot: BotProcess, mina: Actor, bob: Actor, music: ChannelHandle) -> None:
    await write(mina, "moderation", "blocked_words", "slur\nbad word")
    for text in ("a s.l.u.r", "bad  words and a BAD WORD", "ѕlυr"):
        refused = await asked(bob, text)
        assert refused.startswith("Your request has a word that this server doesn't allow.")
        assert "slur" not in refused
    await made(bob, "a slurred melody")
    form = await bob.slash("preset save", start="scratch")
    answer = text_of(await private(await bob.submit(form, {"name": "slur", "template": "x"})))
    assert answer.startswith("Your request has a word")
    assert "slur" not in answer
    panel = await opened(mina, "moderation")
    await choose(mina, "links")
    assert "doesn't allow links" in await asked(bob, "hear https://x.example")
    await choose(mina, "links")
    await made(bob, "hear https://x.example")
    await choose(mina, "age_restricted")
    assert "only allows clips in age-restricted channels" in await asked(bob)
    await choose(mina, "age_restricted")
    assert "2 words" in text_of(panel)
    await write(mina, "moderation", "blocked_words", "")
    await made(bob, "a slur is no longer one")


async def test_acts_appear_in_the_log_channel(bot: BotProcess, mina: Actor, bob: Actor) -> None:
    general = bot.sandbox.channel("general")
    await choose(mina, "log_channel", general)
    await private(await mina.slash("moderate ban", member=bob))
    said = await general.wait_for(lambda one: "**ban**" in one.content)
    assert said.content == f"{mina.mention} **ban** {bob.mention}"
    assert said.mentions == []
    await private(await mina.slash("moderate unban", member=bob))
    await choose(mina, "log_channel")


async def test_a_channels_own_defaults_and_a_restart(bot: BotProcess, mina: Actor, bob: Actor) -> None:
    general = bot.sandbox.channel("general")
    await choose(mina, "channel_mode", "diffusion", at=general)
    panel = await write(mina, "channel", "channel_seconds", "3", at=general)
    assert f"<#{general.id}>" in text_of(panel)
    await bot.kill()
    await bot.restart()
    there = text_of(await made(bob, "by this channel", at=general, seconds=None))
    assert "diffusion" in there
    assert "3 s" in there
    elsewhere = text_of(await made(bob, "by another", seconds=None))
    assert "diffusion" not in elsewhere
    # A panel from before the restart works.
    before = text_of(panel)
    await mina.select(panel, controls(panel)["channel_mode"]["custom_id"], [])
    await eventually(lambda: text_of(panel) != before, "the old panel")
    await write(mina, "channel", "channel_seconds", "", at=general)
    there = text_of(await made(bob, "by the bot again", at=general, seconds=None))
    assert "diffusion" not in there
    assert "2 s" in there
