"""/settings that limit and prefer: each is set, refuses or changes something, and is reset, in the panel."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import button_ids, clip_of, eventually, made, private, rendering
from tests.e2e.conftest import running
from tests.e2e.test_plain_words import answer_to, mention, replies_to
from tests.e2e.test_settings import asked, choose, write

pytestmark = pytest.mark.asyncio(loop_scope="module")
HEARD = 30


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(description: Spec, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotProcess]:
    folder = Path(tmp_path_factory.mktemp("limits"))
    async with running(
        description, folder, DEFAULT_SECONDS="2", DUEL_ACCOUNT_DAYS="0", MAX_QUEUE="100"
    ) as bot:
        yield bot


@pytest.fixture
def mina(bot: BotProcess) -> Actor:
    return bot.sandbox.member("mina")


def query(bot: BotProcess, sql: str) -> list[Any]:
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as connection:
        return connection.execute(sql).fetchall()


async def test_share_of_the_queue(bot: BotProcess, mina: Actor, alice: Actor, bob: Actor) -> None:
    await write(mina, "limits", "queue_share", "1 %")
    await rendering(alice, "all of the share")
    assert await asked(bob) == (
        "This server already has 1 clip in the queue, and 1 is its share. Try again in a few minutes."
    )
    await write(mina, "limits", "queue_share", "")
    await private(await alice.slash("cancel"))
    await made(bob, "the whole queue again")


async def test_time_between_requests(bot: BotProcess, mina: Actor, alice: Actor, bob: Actor) -> None:
    await write(mina, "limits", "cooldown_seconds", "60")
    bot.advance(61)
    await made(bob, "the first")
    assert (await asked(bob)).startswith("In this server you can ask for clips every 60 s. Try again in ")
    await made(alice, "another member's")
    bot.advance(61)
    await made(bob, "a minute later")
    await write(mina, "limits", "cooldown_seconds", "")
    await made(bob, "at once")


async def test_age_of_accounts(bot: BotProcess, mina: Actor, bob: Actor) -> None:
    await write(mina, "limits", "account_days", "3650")
    assert "at least 3650 days old" in await asked(bob)
    await write(mina, "limits", "account_days", "")
    await made(bob, "of any age")


async def test_roles_and_boosters_come_first(bot: BotProcess, mina: Actor, alice: Actor, bob: Actor) -> None:
    guild = bot.sandbox.guild()

    async def preferred(actor: Actor) -> bool:
        await made(actor, "in what order")
        [(priority,)] = query(bot, "SELECT priority FROM jobs ORDER BY id DESC LIMIT 1")
        return bool(priority)

    assert not await preferred(bob)
    await choose(mina, "priority_roles", guild.role())
    assert await preferred(bob)
    await choose(mina, "priority_roles")
    assert not await preferred(bob)
    guild.boosted_by(alice)
    assert not await preferred(alice)
    await choose(mina, "boosters_first")
    assert await preferred(alice)
    assert not await preferred(bob)
    await choose(mina, "boosters_first")
    assert not await preferred(alice)


async def test_an_age_restricted_channel_takes_requests_where_others_do_not(
    bot: BotProcess, mina: Actor, bob: Actor
) -> None:
    late = bot.sandbox.guild().add_channel("late")
    late.restrict_age()
    await choose(mina, "age_restricted")
    assert "only allows clips in age-restricted channels" in await asked(bob)
    await made(bob, "where it is allowed", at=late)
    await choose(mina, "age_restricted")
    await made(bob, "everywhere again")


async def test_answers_to_mentions(bot: BotProcess, mina: Actor, bob: Actor, music: ChannelHandle) -> None:
    await choose(mina, "plain_words")
    silent = await bob.send(f"{mention(bot)} a tune in silence")
    await choose(mina, "plain_words")
    # Messages are read in order, so the second's answer says that the first was read.
    await answer_to(bot, await bob.send(f"{mention(bot)} a tune with an answer"))
    assert not [one for one in music.messages if replies_to(one, silent)]


async def test_length_and_votes_of_a_duel(
    bot: BotProcess, mina: Actor, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    await write(mina, "features", "duel_close_votes", "2")
    await _duel(bot, alice, 1)
    bot.advance(HEARD)
    for voter in (bob, mina):
        await private(await voter.click(_message(music, 1), "A"))
    await eventually(lambda: _state(bot, 1) == "revealed", "the end after two votes")
    await write(mina, "features", "duel_close_votes", "")

    await write(mina, "features", "duel_hours", "0,1")
    await _duel(bot, alice, 2)
    bot.advance(0.1 * 3600 + 1)
    await eventually(lambda: _state(bot, 2) == "revealed", "the end after six minutes")
    await write(mina, "features", "duel_hours", "")

    await _duel(bot, alice, 3)
    bot.advance(0.1 * 3600 + 1)
    for voter in (bob, mina):
        await private(await voter.click(_message(music, 3), "A"))
    assert _state(bot, 3) == "open"


async def test_whose_votes_count(
    bot: BotProcess, mina: Actor, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    number = 1 + int(query(bot, "SELECT coalesce(max(id), 0) FROM duels")[0][0])

    async def vote(voter: Actor, duel: int) -> str:
        bot.advance(HEARD)
        return text_of(await private(await voter.click(_message(music, duel), "A")))

    await choose(mina, "duel_own_votes")
    await _duel(bot, alice, number)
    assert "doesn't count: in this server, votes on one's own duels don't." in await vote(alice, number)
    assert "doesn't count" not in await vote(bob, number)
    await choose(mina, "duel_own_votes")
    await write(mina, "features", "duel_account_days", "3650")
    await _duel(bot, bob, number + 1)
    assert "has to be at least 3650 days old" in await vote(alice, number + 1)
    await write(mina, "features", "duel_account_days", "")
    assert "doesn't count" not in await vote(bob, number + 1)
    excluded = query(
        bot, f"SELECT excluded_reason FROM duel_votes WHERE duel_id >= {number} ORDER BY cast_at"
    )
    assert excluded == [("own_duel",), (None,), ("account_too_young",), (None,)]


async def test_modes_in_duels(bot: BotProcess, mina: Actor, bob: Actor) -> None:
    await choose(mina, "duel_modes", "diffusion")
    refused = text_of(await private(await bob.slash("duel start", prompt="calm jazz", seconds=2)))
    assert refused == (
        "In this server mode ar takes no part in duels. "
        "Choose two models or presets of mode diffusion as a and b."
    )
    await made(bob, "a clip of that mode", mode="ar")
    await choose(mina, "duel_modes")
    number = 1 + int(query(bot, "SELECT max(id) FROM duels")[0][0])
    await _duel(bot, bob, number)


async def test_a_channels_preset(bot: BotProcess, mina: Actor, bob: Actor) -> None:
    general = bot.sandbox.channel("general")
    await write(mina, "channel", "channel_preset", "#1", at=general)
    await made(bob, "with it", at=general)
    await made(bob, "elsewhere")
    await write(mina, "channel", "channel_preset", "", at=general)
    await made(bob, "without it", at=general)
    made_by = query(bot, "SELECT preset_version IS NOT NULL FROM jobs ORDER BY id DESC LIMIT 3")
    assert made_by == [(0,), (0,), (1,)]


async def test_words_alone_follow_the_server_and_the_channel(
    bot: BotProcess, mina: Actor, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    """What a form or the button under an answer to a mention makes is what /music makes of the same words."""

    async def newest() -> tuple[str, float, bool]:
        [row] = query(
            bot,
            "SELECT mode, json_extract(recipe, '$.seconds'), preset_version IS NOT NULL FROM jobs "
            "ORDER BY id DESC LIMIT 1",
        )
        return row[0], row[1], bool(row[2])

    async def by_form() -> tuple[str, float, bool]:
        hello = await answer_to(bot, await bob.send(mention(bot)))
        await clip_of(await bob.submit(await bob.click(hello, "Make a clip"), {"words": "by a form"}))
        return await newest()

    async def by_button() -> tuple[str, float, bool]:
        # Somebody else, since the bot answers one person five times a minute at most.
        offer = await answer_to(bot, await alice.send(f"{mention(bot)} a tune by a button"))
        await clip_of(await alice.click(offer, "Make this clip"))
        return await newest()

    await choose(mina, "modes", "diffusion")
    await write(mina, "music", "max_seconds", "1,5")
    assert await by_form() == ("diffusion", 1.5, False)
    assert await by_button() == ("diffusion", 1.5, False)
    await choose(mina, "modes")
    await write(mina, "music", "max_seconds", "")
    await write(mina, "channel", "channel_seconds", "1")
    assert await by_form() == ("ar", 1.0, False)
    await write(mina, "channel", "channel_seconds", "")
    await write(mina, "channel", "channel_preset", "#1")
    _, _, with_preset = await by_button()
    assert with_preset
    await write(mina, "channel", "channel_preset", "")
    assert await by_form() == ("ar", 2.0, False)


async def test_the_form_of_a_duel_follows_the_server(bot: BotProcess, mina: Actor, alice: Actor) -> None:
    await write(mina, "music", "max_seconds", "1,5")
    hello = await answer_to(bot, await alice.send(mention(bot)))
    number = 1 + int(query(bot, "SELECT coalesce(max(id), 0) FROM duels")[0][0])
    await alice.submit(await alice.click(hello, "Start a duel"), {"words": "calm jazz"})
    await eventually(lambda: _state(bot, number) == "open", "the duel to take votes")
    assert query(bot, f"SELECT seconds FROM duels WHERE id = {number}") == [(1.5,)]
    await write(mina, "music", "max_seconds", "")


async def test_no_log_channel_hears_nothing(bot: BotProcess, mina: Actor, bob: Actor) -> None:
    general = bot.sandbox.channel("general")
    await choose(mina, "log_channel", general)
    await choose(mina, "log_channel")
    await private(await mina.slash("moderate ban", member=bob))
    await private(await mina.slash("moderate unban", member=bob))
    await choose(mina, "log_channel", general)
    await private(await mina.slash("moderate ban", member=bob))
    await general.wait_for(lambda one: "**ban**" in one.content)
    await private(await mina.slash("moderate unban", member=bob))
    assert sum("**ban**" in one.content for one in general.messages) == 1


async def _duel(bot: BotProcess, actor: Actor, number: int) -> None:
    await actor.slash("duel start", prompt="calm jazz", seconds=2)
    await eventually(lambda: _state(bot, number) == "open", "the duel to take votes")


def _state(bot: BotProcess, number: int) -> str:
    rows = query(bot, f"SELECT state FROM duels WHERE id = {number}")
    return str(rows[0][0]) if rows else ""


def _message(music: ChannelHandle, number: int) -> Any:
    return next(one for one in music.messages if f"duel:a:{number}" in button_ids(one))
