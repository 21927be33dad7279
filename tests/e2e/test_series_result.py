"""The result of a series: shown once, in its channel or to its member, whatever was closed or killed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.actors import Actor, ChannelHandle, ThreadHandle, text_of
from sandbox.faults import Target
from sandbox.model import Message
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import WAIT, eventually
from tests.e2e.conftest import running
from tests.e2e.test_duels import query, said, state_of

TITLE = "Series 1 is over"
NOTE = "I couldn't post the result of your series in its channel"
LONGER_THAN_A_NONCE = 3600.0


@pytest.fixture
async def bot(description: Spec, tmp_path: Path) -> Any:
    async with running(description, tmp_path, MODELS="lofi,hifi", DUEL_ACCOUNT_DAYS="0") as bot:
        yield bot


@pytest.fixture
def dm(bot: BotProcess) -> ChannelHandle:
    return bot.sandbox.dm("alice")


async def going_on(bot: BotProcess, alice: Actor, place: ChannelHandle, *, duels: int = 2) -> None:
    """Start a series in a place, and return once its first duel takes votes."""
    asked = {"prompts": "calm jazz", "seconds": 2, "a": "lofi", "b": "hifi", "duels": duels}
    assert "Series 1" in await said(await alice.slash("duel series", asked, at=place))
    await eventually(lambda: state_of(bot) == "open", "the first duel")


async def over(bot: BotProcess) -> None:
    await eventually(lambda: query(bot, "SELECT state FROM series") == [("posted",)], "the end of the series")


def results(place: ChannelHandle) -> list[Message]:
    return [one for one in place.messages if one.embeds and one.embeds[0].get("title") == TITLE]


def is_result(target: Target) -> bool:
    return target.operation == "create_message" and TITLE in str(target.body)


async def test_a_thread_that_was_archived_meanwhile_gets_the_result(
    bot: BotProcess, alice: Actor, music: ChannelHandle, dm: ChannelHandle
) -> None:
    thread = music.thread("contest", by=alice)
    await going_on(bot, alice, thread)
    thread.archive()
    # A new message unarchives a thread by itself, as far as Discord's documentation goes.
    refused = bot.sandbox.faults.fail(code=50083, where=is_result)
    await alice.slash("duel stop")
    await over(bot)
    assert refused.struck == 1
    [result] = results(thread)
    assert result.mentions == [alice.id]
    assert not thread.state.archived
    assert results(dm) == []


def lock(place: ThreadHandle) -> None:
    place.lock()


def delete(place: ThreadHandle) -> None:
    place.delete()


@pytest.mark.parametrize(
    ("close", "why"),
    [(lock, "Its thread is locked"), (delete, "Its channel is gone")],
    ids=["lock", "delete"],
)
async def test_the_member_gets_the_result_of_a_place_that_was_closed_once_whatever_is_killed(
    bot: BotProcess,
    alice: Actor,
    music: ChannelHandle,
    dm: ChannelHandle,
    close: Callable[[ThreadHandle], None],
    why: str,
) -> None:
    thread = music.thread("contest", by=alice)
    await going_on(bot, alice, thread)
    posted = bot.sandbox.faults.hold(after_effect=True, where=is_result, channel_id=dm.id, times=None)
    close(thread)
    await posted.until_struck()
    await bot.kill()
    assert query(bot, "SELECT state FROM series") == [("ended",)]
    bot.sandbox.faults.clear()
    bot.advance(LONGER_THAN_A_NONCE)
    await bot.restart()
    await over(bot)
    [result] = results(dm)
    assert NOTE in result.content
    assert why in text_of(result)
    assert "1 of 2 duels" in text_of(result) or "0 of 2 duels" in text_of(result)
    assert query(bot, "SELECT count(*) FROM duels") == [(1,)], "no clip is made for nobody"


async def test_the_channel_gets_the_result_once_though_the_bot_is_killed_before_it_knows(
    bot: BotProcess, alice: Actor, music: ChannelHandle, dm: ChannelHandle
) -> None:
    await going_on(bot, alice, music)
    posted = bot.sandbox.faults.hold(after_effect=True, where=is_result, times=None)
    await alice.slash("duel stop")
    await posted.until_struck()
    await bot.kill()
    bot.sandbox.faults.clear()
    bot.advance(LONGER_THAN_A_NONCE)
    await bot.restart()
    await over(bot)
    assert len(results(music)) == 1
    assert results(dm) == []


async def test_a_result_that_nobody_can_be_shown_ends_the_series_and_stays_in_its_standings(
    bot: BotProcess, alice: Actor, music: ChannelHandle, dm: ChannelHandle
) -> None:
    place = bot.sandbox.guild().add_channel("short-lived")
    await going_on(bot, alice, place)
    closed = bot.sandbox.faults.fail(code=50007, times=None, operation="create_message", channel_id=dm.id)
    place.delete()
    await over(bot)
    assert closed.struck >= 1
    closed.clear()
    assert results(dm) == []
    await bot.printed("nobody can be shown how series 1 ended")
    assert "Its channel is gone" in await said(await alice.slash("duel standings"))


async def test_a_result_that_waits_for_discord_holds_no_other_series_up(
    bot: BotProcess, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    await going_on(bot, alice, music)
    slow = bot.sandbox.faults.hold(where=is_result)
    await alice.slash("duel stop")
    await slow.until_struck()
    asked = {"prompts": "heavy metal", "seconds": 2, "a": "lofi", "b": "hifi", "duels": 2}
    assert "Series 2" in await said(await bob.slash("duel series", asked))
    await eventually(lambda: state_of(bot, 2) == "open", "the other series' duel")
    assert query(bot, "SELECT state FROM series WHERE id = 1") == [("ended",)]
    slow.clear()
    await music.wait_for(lambda one: one in results(music), WAIT)
