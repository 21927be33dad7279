"""Killed at every point, the bot delivers each clip exactly once."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.defaults import ELSEWHERE
from sandbox.faults import Target
from sandbox.model import Message
from sandbox.server import Sandbox
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import (
    WAIT,
    ask,
    carries_clip,
    clip_of,
    clips_in,
    eventually,
    made,
    pressed,
    queued,
    rendering,
    text_in,
)
from tests.e2e.conftest import running
from tests.e2e.test_plain_words import answer_to, mention, replies_to

EDIT = "update_original_webhook_message"
POST = "create_message"
AFTER_THE_TOKEN = 16 * 60


@pytest.fixture
def bot(own_bot: BotProcess) -> BotProcess:
    return own_bot


def job_state(bot: BotProcess) -> str:
    """Return the state of the newest job, as the database has it."""
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as connection:
        [state] = connection.execute("SELECT state FROM jobs ORDER BY id DESC").fetchone()
    return str(state)


def carries_files(target: Target) -> bool:
    return bool(target.uploads)


def clip_files(bot: BotProcess) -> dict[str, int]:
    """Return the names of the clips' files, each with the time of its writing in nanoseconds."""
    return {path.name: path.stat().st_mtime_ns for path in (bot.folder / "clips").iterdir()}


async def one_clip(music: ChannelHandle) -> Message:
    """Return the only clip in the channel, after time enough for a second one to come."""
    sandbox = music.sandbox
    assert isinstance(sandbox, Sandbox)
    await sandbox.until(
        lambda: clips_in(music) or None, WAIT, f"a clip; {[text_of(m) for m in music.messages]}"
    )
    await made(sandbox.member("bob"), "a later one", at=sandbox.dm("bob"))
    [clip] = clips_in(music)
    return clip


async def test_killed_while_clips_wait(
    bot: BotProcess, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    waiting = [await queued(actor, f"held {n}") for n, actor in enumerate((alice, bob, alice))]
    await bot.kill()
    bot.let_through(3)
    await bot.restart()
    for message in waiting:
        await carries_clip(message, bot.sandbox)
    assert len(clips_in(music)) == 3


async def test_killed_while_rendering(bot: BotProcess, alice: Actor, music: ChannelHandle) -> None:
    message = await rendering(alice, "tune")
    assert job_state(bot) == "running"
    await bot.kill()
    bot.let_through()
    await bot.restart()
    assert (await one_clip(music)) is message


async def test_killed_between_the_file_of_a_clip_and_its_record(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await rendering(alice, "tune")
    with closing(sqlite3.connect(bot.folder / "antiphon.db", isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        bot.let_through()
        await eventually(lambda: any(name.endswith(".mp3") for name in clip_files(bot)), "the file")
        await bot.kill()
        lock.execute("ROLLBACK")
    assert job_state(bot) == "running"
    bot.let_through()
    await bot.restart()
    assert (await one_clip(music)) is message


async def test_killed_with_its_worker(bot: BotProcess, alice: Actor, music: ChannelHandle) -> None:
    message = await rendering(alice, "tune")
    os.kill(bot.worker_pid(), signal.SIGKILL)
    await bot.kill()
    assert job_state(bot) == "running", "else the bot knew before it was killed"
    bot.let_through()
    await bot.restart()
    assert (await one_clip(music)) is message


async def test_killed_between_rendering_and_delivery(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await rendering(alice, "tune")
    unsent = bot.sandbox.faults.hold(operation=EDIT, where=carries_files)
    bot.let_through()
    await unsent.until_struck()
    assert job_state(bot) == "rendered"
    before = clip_files(bot)
    assert len(before) == 2, "the MP3 and its picture"
    await bot.kill()
    unsent.clear()
    assert not message.attachments
    await bot.restart()
    assert (await one_clip(music)) is message
    assert clip_files(bot).items() >= before.items(), "rendered once"


async def test_killed_between_sending_and_recording(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await rendering(alice, "tune")
    unrecorded = bot.sandbox.faults.hold(operation=EDIT, where=carries_files, after_effect=True)
    bot.let_through()
    await unrecorded.until_struck()
    assert message.attachments
    assert job_state(bot) == "rendered"
    await bot.kill()
    unrecorded.clear()
    await bot.restart()
    await eventually(lambda: job_state(bot) == "delivered", "the record")
    assert (await one_clip(music)) is message


async def test_after_fifteen_minutes_it_is_posted_once(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    progress = await rendering(alice, "tune")
    bot.sandbox.clock.advance(AFTER_THE_TOKEN)
    bot.let_through()
    clip = await one_clip(music)
    assert clip is not progress
    assert clip.content == alice.mention
    await text_in(progress, "This one took a while: http", bot.sandbox)


async def test_a_lost_answer_to_a_post_is_sent_again_and_shown_once(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    await rendering(alice, "tune")
    posts: list[Target] = []
    bot.sandbox.faults.lose_answer(times=1, operation=POST)

    def recorded(post: Target) -> bool:
        posts.append(post)
        return True

    bot.sandbox.faults.delay(0, times=None, operation=POST, where=recorded)
    bot.sandbox.clock.advance(AFTER_THE_TOKEN)
    bot.let_through()
    await eventually(lambda: job_state(bot) == "delivered", "the record")
    assert len(posts) == 2, "sent again"
    await one_clip(music)


async def test_after_the_nonce_is_forgotten_the_channel_is_read(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    await rendering(alice, "tune")
    bot.sandbox.faults.lose_answer(times=1000, operation=POST)
    bot.sandbox.clock.advance(AFTER_THE_TOKEN)
    bot.let_through()
    await bot.sandbox.until(lambda: clips_in(music) or None, WAIT, "the clip")
    await bot.kill()
    bot.sandbox.faults.clear()
    assert job_state(bot) == "rendered"

    bot.advance(3600)
    await bot.restart()
    await eventually(lambda: job_state(bot) == "delivered", "the record")
    await one_clip(music)


async def test_where_the_bot_cannot_post_a_late_clip_goes_to_its_member(
    bot: BotProcess, alice: Actor
) -> None:
    lobby = bot.sandbox.channel("lobby", ELSEWHERE)
    posted = bot.sandbox.faults.fail(
        code=50001, times=None, operation=POST, channel_id=lobby.id, optional=True
    )
    await rendering(alice, "tune", at=lobby)
    bot.advance(AFTER_THE_TOKEN)
    bot.let_through()
    direct = bot.sandbox.dm("alice")
    await bot.sandbox.until(lambda: clips_in(direct) or None, WAIT, "the clip")
    assert clips_in(lobby) == []
    assert posted.struck == 0, "known beforehand"
    await eventually(lambda: job_state(bot) == "delivered", "the record")
    history = await (await alice.slash("history")).finished()
    assert f"https://discord.com/channels/@me/{direct.id}/" in text_of(history)


async def test_buttons_of_before_a_restart_work(bot: BotProcess, alice: Actor) -> None:
    message = await made(alice, "old clip")
    await bot.kill()
    await bot.restart()
    await clip_of(await alice.click(message, "Again"))
    details = await (await pressed(alice, message, "Details")).finished()
    assert "old clip" in text_of(details)


async def test_a_killed_worker_is_replaced_and_the_clip_tried_again(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await rendering(alice, "tune")
    os.kill(bot.worker_pid(), signal.SIGKILL)
    bot.let_through()
    await text_in(message, "had to start again", bot.sandbox)
    assert (await one_clip(music)) is message


async def test_a_clip_that_kills_the_worker_is_given_up_after_two_attempts(
    bot: BotProcess, alice: Actor
) -> None:
    message = await (await ask(alice, "crash")).finished()
    await text_in(message, r"(?s)That did not work\..*signal 9.*tried 2 times", bot.sandbox)
    assert (await made(alice, "life goes on")).attachments


async def test_a_worker_that_hangs_is_ended(description: Spec, tmp_path: Path) -> None:
    async with running(description, tmp_path, STALL_SECONDS="5", MAX_ATTEMPTS="1") as bot:
        alice = bot.sandbox.member("alice")
        message = await (await ask(alice, "stuck")).finished()
        await text_in(message, "made no progress for . s while rendering", bot.sandbox)
        assert (await made(alice, "life goes on")).attachments


async def test_the_worker_ends_with_its_bot(bot: BotProcess, alice: Actor) -> None:
    await made(alice, "so that there is a worker")
    worker = Path(f"/proc/{bot.worker_pid()}/cmdline")
    await bot.kill()
    await eventually(lambda: not (worker.exists() and worker.read_bytes()), "the worker's end")


async def test_an_offer_to_plain_words_and_the_commands_of_help_outlive_it(
    bot: BotProcess, alice: Actor
) -> None:
    offer = await answer_to(bot, await alice.send(f"{mention(bot)} old words"))
    await bot.kill()
    await bot.restart()
    assert "old words" in text_of(await clip_of(await alice.click(offer, "Make this clip")))
    assert "</music:" in text_of(await (await alice.slash("help")).finished())


async def test_a_server_without_answers_to_mentions_keeps_that_over_a_restart(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    await bot.kill()
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as connection, connection:
        guild = music.channel.guild_id
        connection.execute("INSERT INTO guild_settings VALUES (?, 0, 'plain_words', 'false')", (guild,))
    await bot.restart()
    silent = await alice.send(f"{mention(bot)} old words")
    # A direct message is the member's own place; its answer says that the mention was read before.
    await answer_to(bot, await alice.send("new words", at=bot.sandbox.dm("alice")))
    assert not [one for one in music.messages if replies_to(one, silent)]
