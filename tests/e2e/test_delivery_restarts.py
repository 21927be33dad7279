"""Killed after the token's death, or until it: everything is shown once, and nothing stays stale."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.faults import Target
from sandbox.model import Message
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import WAIT, button_ids, clips_in, eventually, made, queued, rendering, text_in
from tests.e2e.conftest import running

AFTER_THE_TOKEN = 16 * 60
HOUR, DAY = 3600, 24 * 3600
EDIT = "update_original_webhook_message"
EDIT_BY_BOT = "update_message"
POST = "create_message"


@pytest.fixture
async def bot(description: Spec, tmp_path: Path) -> AsyncIterator[BotProcess]:
    async with running(description, tmp_path, DUEL_ACCOUNT_DAYS="0") as bot:
        yield bot


def query(bot: BotProcess, sql: str) -> list[Any]:
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as connection:
        return connection.execute(sql).fetchall()


def job(bot: BotProcess, columns: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] = query(bot, f"SELECT {columns} FROM jobs ORDER BY id DESC")[0]
    return row


def duel(bot: BotProcess, columns: str = "state") -> tuple[Any, ...]:
    rows = query(bot, f"SELECT {columns} FROM duels ORDER BY id DESC")
    return tuple(rows[0]) if rows else ("",)


async def duel_is(bot: BotProcess, state: str) -> None:
    await eventually(lambda: duel(bot) == (state,), f"the duel to be {state}; it is {duel(bot)}")


def with_files(target: Target) -> bool:
    return bool(target.uploads)


def says(words: str) -> Any:
    return lambda target: words in str(target.body)


async def nothing_more(bot: BotProcess, room: ChannelHandle, before: list[Message]) -> None:
    """Return after time enough for another message to come; AssertionError if one did."""
    await made(bot.sandbox.member("bob"), "a later one", at=bot.sandbox.dm("bob"))
    assert room.messages == before


# Clips


async def test_an_edit_that_took_effect_is_recognised_after_the_token(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await rendering(alice, "tune")
    unrecorded = bot.sandbox.faults.hold(operation=EDIT, where=with_files, after_effect=True)
    bot.let_through()
    await unrecorded.until_struck()
    assert message.attachments
    assert job(bot, "state") == ("rendered",)
    await bot.kill()
    unrecorded.clear()
    bot.advance(AFTER_THE_TOKEN)
    before = list(music.messages)
    await bot.restart()
    await eventually(lambda: job(bot, "state") == ("delivered",), "the record")
    await nothing_more(bot, music, before)
    assert "tune" in text_of(message)
    assert any("more" in one for one in button_ids(message)), "its buttons are still there"


async def test_a_lost_answer_until_the_token_dies_is_no_second_clip(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await rendering(alice, "tune")
    lost = bot.sandbox.faults.lose_answer(operation=EDIT, where=with_files)
    bot.let_through()
    await lost.until_struck()
    bot.advance(AFTER_THE_TOKEN)
    await eventually(lambda: job(bot, "state") == ("delivered",), "the record")
    assert clips_in(music) == [message]
    assert "This one took a while" not in text_of(message)


async def test_killed_before_a_cancellation_was_shown(bot: BotProcess, alice: Actor) -> None:
    message = await queued(alice, "held one")
    held = bot.sandbox.faults.hold(operation=EDIT, where=says("Cancelled"))
    await alice.click(message, "Cancel")
    await held.until_struck()
    assert job(bot, "state, notified") == ("cancelled", 0)
    await bot.kill()
    held.clear()
    assert button_ids(message) != []
    bot.advance(AFTER_THE_TOKEN)
    await bot.restart()
    await text_in(message, "Cancelled", bot.sandbox)
    assert button_ids(message) == []


async def test_killed_between_posting_a_notice_and_recording_it(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    progress = await rendering(alice, "nan")
    bot.advance(AFTER_THE_TOKEN)
    unrecorded = bot.sandbox.faults.hold(operation=POST, after_effect=True)
    bot.let_through()
    await unrecorded.until_struck()
    assert job(bot, "state, notified") == ("failed", 0)
    await bot.kill()
    unrecorded.clear()
    before = list(music.messages)
    assert len([m for m in before if "did not work" in text_of(m)]) == 1
    bot.advance(HOUR)
    await bot.restart()
    await eventually(lambda: job(bot, "notified") == (1,), "the record")
    await nothing_more(bot, music, before)
    assert "did not work" in text_of(progress)


# Duels


async def started(bot: BotProcess, room: ChannelHandle, prompt: str = "calm jazz") -> Message:
    """Start a duel and return its message once it takes votes."""
    await bot.sandbox.member("alice").slash("duel start", prompt=prompt, seconds=2, at=room)
    await duel_is(bot, "open")
    return next(m for m in room.messages if "duel:a:1" in button_ids(m))


async def test_trouble_with_a_duels_answer_is_not_told_as_its_failure(bot: BotProcess, alice: Actor) -> None:
    cut = bot.sandbox.faults.cut(times=2, operation=EDIT)
    reply = await alice.slash("duel start", prompt="held jazz", seconds=2)
    message = await reply.finished(WAIT)
    assert "Both clips are being made" in text_of(message)
    assert cut.struck == 2
    assert reply.followups == []


async def test_killed_before_a_duels_answer_shows_it(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    held = bot.sandbox.faults.hold(operation=EDIT, where=says("is open"))
    reply = await alice.slash("duel start", prompt="calm jazz", seconds=2)
    await held.until_struck()
    assert duel(bot, "state, answer_shown") == ("open", "rendering")
    await bot.kill()
    held.clear()
    bot.advance(AFTER_THE_TOKEN)
    before = list(music.messages)
    await bot.restart()
    assert reply.message is not None
    await text_in(reply.message, "is open: http", bot.sandbox)
    await eventually(lambda: duel(bot, "answer_shown") == ("open",), "the record")
    assert music.messages == before


async def test_a_late_failure_of_a_duel_pings_its_requester(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    reply = await alice.slash("duel start", prompt="held nan", seconds=2)
    answer = await reply.finished(WAIT)
    await text_in(answer, "Both clips", bot.sandbox)
    bot.advance(AFTER_THE_TOKEN)
    bot.let_through(4)
    notice = await music.wait_for(
        lambda one: "couldn't be started" in text_of(one) and one is not answer, WAIT
    )
    assert notice.mentions == [alice.id]
    await text_in(answer, "couldn't be started", bot.sandbox)
    assert len([m for m in music.messages if "couldn't be started" in text_of(m)]) == 2


async def test_a_duel_in_an_archived_thread_shows_its_end(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    thread = music.thread("contest", by=alice)
    message = await started(bot, thread)
    thread.archive()
    bot.advance(DAY)
    await duel_is(bot, "revealed")
    assert "A was" in text_of(message)
    assert not thread.state.archived


@pytest.mark.parametrize("status", [400, 403])
async def test_a_duel_in_a_locked_thread_ends_once(
    bot: BotProcess, alice: Actor, music: ChannelHandle, status: int
) -> None:
    thread = music.thread("contest", by=alice)
    await started(bot, thread)
    thread.lock(status=status)
    uploads = bot.sandbox.faults.delay(0, times=None, operation=EDIT_BY_BOT)
    bot.advance(DAY)
    await duel_is(bot, "revealed")
    direct = bot.sandbox.dm("alice")
    assert [m for m in direct.messages if "A was" in text_of(m)] != []
    await made(bot.sandbox.member("bob"), "time for more", at=bot.sandbox.dm("bob"))
    assert uploads.struck <= 2


async def test_a_deleted_duel_ends_without_another_message(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await started(bot, music)
    await bot.sandbox.member("mina").delete(message)
    before = list(music.messages)
    bot.advance(DAY)
    await eventually(lambda: duel(bot)[0] in ("revealed", "failed", "void"), "the end")
    await nothing_more(bot, music, before)


async def test_a_duel_that_is_too_large_is_made_smaller(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    bot.sandbox.messages.upload_limit = 400_000
    await alice.slash("duel start", prompt="calm jazz", seconds=20)
    await duel_is(bot, "open")
    message = next(m for m in music.messages if "duel:a:1" in button_ids(m))
    sizes = {a.filename: a.size for a in message.attachments}
    assert sizes["a.mp3"] == sizes["b.mp3"] <= 400_000


async def test_a_duels_blocked_words_are_refused_before_rendering(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    first = await rendering(alice, "keeps the worker")
    music.block_words("forbidden")
    reply = await alice.slash("duel start", prompt="forbidden jazz", seconds=2)
    message = await reply.finished(WAIT)
    await text_in(message, "AutoMod", bot.sandbox)
    assert "forbidden" not in text_of(message)
    assert query(bot, "SELECT DISTINCT claimed_at FROM jobs WHERE in_duel = 1") == [(None,)]
    bot.let_through()
    await bot.sandbox.until(lambda: first.attachments or None, WAIT, "the clip")
