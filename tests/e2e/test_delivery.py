"""Where Discord refuses a clip or a notice, each by its code: the member gets it, or is told, somewhere."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.defaults import ELSEWHERE
from sandbox.faults import Target
from sandbox.model import Message
from sandbox.server import Sandbox
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import (
    WAIT,
    ask,
    button_ids,
    carries_clip,
    clips_in,
    eventually,
    made,
    queued,
    rendering,
    text_in,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

AFTER_THE_TOKEN = 16 * 60
EDIT = "update_original_webhook_message"
EDIT_BY_BOT = "update_message"
POST = "create_message"


def newest_job(bot: BotProcess, columns: str) -> tuple[Any, ...]:
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as connection:
        row: tuple[Any, ...] = connection.execute(f"SELECT {columns} FROM jobs ORDER BY id DESC").fetchone()
    return row


async def job_is(bot: BotProcess, state: str) -> None:
    await eventually(lambda: newest_job(bot, "state") == (state,), f"the job to be {state}")


async def told(bot: BotProcess) -> None:
    await eventually(lambda: newest_job(bot, "notified") == (1,), "the notice")


@pytest.fixture
def dm(bot: BotProcess) -> ChannelHandle:
    return bot.sandbox.dm("alice")


async def clip_after(room: ChannelHandle, since: int) -> Message:
    return await room.wait_for(
        lambda one: one.id > since and any(a.filename.endswith(".mp3") for a in one.attachments), WAIT
    )


def points_to_a_clip(target: Target) -> bool:
    return "This one took a while" in str(target.body)


def newest_id(sandbox: Sandbox) -> int:
    return max(sandbox.world.messages, default=0)


# After the token's death


async def test_old_progress_is_replaced_though_discord_limits_the_edit_for_a_while(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    progress = await rendering(alice, "limited edit")
    since = newest_id(bot.sandbox)
    limited = bot.sandbox.faults.rate_limit(
        1, cloudflare=True, operation=EDIT_BY_BOT, message_id=progress.id, where=points_to_a_clip
    )
    bot.advance(AFTER_THE_TOKEN)
    bot.let_through()
    await clip_after(music, since)
    await text_in(progress, "This one took a while: http", bot.sandbox)
    assert limited.struck == 1


async def test_progress_and_cancelling_go_on_after_the_token(bot: BotProcess, alice: Actor) -> None:
    running = await rendering(alice, "runs long")
    waiting = await queued(alice, "held behind it")
    bot.advance(AFTER_THE_TOKEN)
    await alice.click(waiting, "Cancel")
    await text_in(waiting, "Cancelled", bot.sandbox)
    assert button_ids(waiting) == []
    await alice.click(running, "Cancel")
    await text_in(running, "Cancelled", bot.sandbox)
    assert button_ids(running) == []


async def test_a_late_failure_pings_and_replaces_the_progress(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    progress = await rendering(alice, "nan")
    bot.advance(AFTER_THE_TOKEN)
    since = newest_id(bot.sandbox)
    bot.let_through()
    notice = await music.wait_for(lambda one: one.id > since and "did not work" in text_of(one), WAIT)
    assert notice.mentions == [alice.id]
    await told(bot)
    assert "That did not work" in text_of(progress)
    assert button_ids(progress) == []
    assert [m for m in music.messages if m.id > since] == [notice]


async def test_a_clip_for_an_answer_never_seen_finds_it_in_the_channel(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    held = bot.sandbox.faults.hold(times=None, operation=EDIT)
    lost = bot.sandbox.faults.lose_answer(operation="create_interaction_response")
    gone = bot.sandbox.faults.fail(500, times=None, operation="get_original_webhook_message", optional=True)
    reply = await ask(alice, "never seen")
    await job_is(bot, "rendered")
    await held.until_struck()
    bot.advance(AFTER_THE_TOKEN)
    held.clear()
    gone.clear()
    clip = await clip_after(music, reply.interaction.id)
    assert lost.struck == 1
    assert alice.id in clip.mentions
    assert reply.message is not None
    await text_in(reply.message, "This one took a while: http", bot.sandbox)


@pytest.mark.parametrize("code", [50013, 10003, 50001, 50083, 160005, 20016])
async def test_a_refused_late_post_goes_another_way(
    bot: BotProcess, alice: Actor, music: ChannelHandle, dm: ChannelHandle, code: int
) -> None:
    progress = await rendering(alice, f"late {code}")
    bot.advance(AFTER_THE_TOKEN)
    since = newest_id(bot.sandbox)
    times = 1 if code == 20016 else None
    refused = bot.sandbox.faults.fail(code=code, times=times, operation=POST, channel_id=music.id)
    bot.let_through()
    await job_is(bot, "delivered")
    refused.clear()
    shown = [*clips_in(music), *clips_in(dm)]
    mine = [m for m in shown if m.id > since or m is progress]
    assert len(mine) == 1, "once, in one place"
    assert "▱" not in text_of(progress), "no old progress stays"


async def test_a_thread_archived_meanwhile_gets_its_clip(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    thread = music.thread("songs", by=alice)
    message = await rendering(alice, "in a thread", at=thread)
    thread.archive()
    since = newest_id(bot.sandbox)
    bot.let_through()
    clip = await clip_after(thread, since)
    assert alice.id in clip.mentions
    assert clip is not message
    assert not thread.state.archived


async def test_a_locked_thread_sends_the_clip_to_its_member(
    bot: BotProcess, alice: Actor, music: ChannelHandle, dm: ChannelHandle
) -> None:
    thread = music.thread("closed songs", by=alice)
    await rendering(alice, "in a locked thread", at=thread)
    thread.lock()
    since = newest_id(bot.sandbox)
    bot.let_through()
    clip = await clip_after(dm, since)
    assert "I couldn't show this clip" in text_of(clip)
    assert clips_in(thread) == []


async def test_a_private_thread_without_the_bot_cannot_take_a_duel(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    thread = music.thread("secret", by=alice, private=True)
    reply = await alice.slash("duel start", prompt="secret jazz", seconds=2, at=thread)
    answer = await reply.followup(0, WAIT)
    assert "Mention me to add me" in text_of(answer)


async def test_a_deleted_answer_takes_the_request_back(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await rendering(alice, "taken back")
    mina = bot.sandbox.member("mina")
    since = newest_id(bot.sandbox)
    await mina.delete(message)
    await eventually(lambda: newest_job(bot, "state")[0] in ("cancelled", "failed"), "the end of the job")
    await told(bot)
    assert clips_in(music)[-1:] == [m for m in clips_in(music)[-1:] if m.id <= since]
    assert [m for m in bot.sandbox.dm("alice").messages if m.id > since] == []


async def test_a_private_conversation_gets_late_clips(
    bot: BotProcess, alice: Actor, dm: ChannelHandle
) -> None:
    await rendering(alice, "late in private", at=dm)
    bot.advance(AFTER_THE_TOKEN)
    since = newest_id(bot.sandbox)
    bot.let_through()
    assert "late in private" in text_of(await clip_after(dm, since))


# AutoMod


async def test_blocked_words_are_refused_before_anything_is_rendered(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    first = await rendering(alice, "keeps the worker")
    music.block_words("forbidden")
    message = await (await ask(alice, "a forbidden tune")).finished(WAIT)
    await text_in(message, "AutoMod", bot.sandbox)
    assert "forbidden" not in text_of(message)
    assert newest_job(bot, "state, claimed_at") == ("failed", None), "no worker ever had it"
    music.block_words()
    bot.let_through()
    await carries_clip(first, bot.sandbox)


async def test_words_blocked_meanwhile_are_left_out_of_the_clip(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await rendering(alice, "becomes unwelcome")
    held = bot.sandbox.faults.hold(times=None, operation=EDIT)
    await held.until_struck()
    bot.let_through()
    await job_is(bot, "rendered")
    music.block_words("unwelcome")
    held.clear()
    await eventually(lambda: newest_job(bot, "state")[0] in ("delivered", "failed"), "an end")
    music.block_words()
    assert "unwelcome" not in text_of(message) or newest_job(bot, "state") == ("failed",)


# Size


async def test_a_place_that_takes_less_than_it_promised_gets_a_smaller_clip(
    bot: BotProcess, alice: Actor
) -> None:
    message = await rendering(alice, "large", seconds=20)
    limit, bot.sandbox.messages.upload_limit = bot.sandbox.messages.upload_limit, 400_000
    bot.let_through()
    await carries_clip(message, bot.sandbox)
    mp3 = next(a for a in message.attachments if a.filename.endswith(".mp3"))
    assert mp3.size <= 400_000
    await bot.printed("encoded again for")

    # The next one is rendered for what the place was seen to take.
    said = len([line for line in bot.lines if "encoded again for" in line])
    await made(alice, "also large", seconds=20)
    assert len([line for line in bot.lines if "encoded again for" in line]) == said
    bot.sandbox.messages.upload_limit = limit


# A machine whose clock is wrong


@pytest.mark.parametrize("seconds", [17 * 60, 2 * 3600, -2 * 3600])
async def test_a_wrong_clock_of_the_machine_changes_nothing(
    bot: BotProcess, alice: Actor, seconds: float
) -> None:
    bot.turn_clock(seconds)
    lobby = bot.sandbox.channel("lobby", ELSEWHERE)
    for at in (None, bot.sandbox.dm("alice"), lobby):
        assert (await made(alice, f"clock {seconds:g}", at=at)).attachments
    bot.turn_clock(-seconds)
