"""The first seconds of a slow clip: shown while it is made, and gone with the progress."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.faults import Target
from sandbox.model import Message
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import WAIT, ask, button_ids, clips_in, eventually, queued, rendering, text_in
from tests.e2e.conftest import running
from tests.e2e.test_restarts import AFTER_THE_TOKEN, EDIT, POST, job_state
from tests.e2e.test_settings import choose

PREVIEW = ["preview.mp3"]
ANNOUNCED = "Here are the first seconds"


@pytest.fixture
async def bot(description: Spec, tmp_path: Path) -> AsyncIterator[BotProcess]:
    async with running(description, tmp_path, AR_MODEL="slow", EARLY_PREVIEW="true") as bot:
        yield bot


def files_of(message: Message) -> list[str]:
    return [attachment.filename for attachment in message.attachments]


def shows_preview(target: Target) -> bool:
    return [upload.filename for upload in target.uploads] == PREVIEW


def is_clip(message: Message) -> bool:
    return any(one.startswith("clip:more:") for one in button_ids(message))


def on_disk(bot: BotProcess) -> list[str]:
    """Return the names of the clips' files, without the scratch folders of the worker."""
    return sorted(path.name for path in (bot.folder / "clips").iterdir() if path.is_file())


async def early(actor: Actor, at: ChannelHandle | None = None) -> Message:
    """Request a slow clip and return the answer once it carries the clip's first seconds."""
    message = await rendering(actor, "early tune", at, seconds=10)
    await actor.sandbox.until(lambda: files_of(message) == PREVIEW or None, WAIT, "the preview")
    return message


async def delivered(bot: BotProcess, music: ChannelHandle) -> Message:
    """Return the only clip, once it is recorded; no preview is left anywhere."""
    await eventually(lambda: job_state(bot) == "delivered", "the record")
    [clip] = [message for message in music.messages if is_clip(message)]
    assert clips_in(music) == [clip], "no preview beside it"
    assert [name.rpartition(".")[2] for name in files_of(clip)] == ["mp3", "png"]
    assert ANNOUNCED not in text_of(clip)
    assert len(on_disk(bot)) == 2, on_disk(bot)
    return clip


async def test_it_is_replaced_by_the_whole(bot: BotProcess, alice: Actor, music: ChannelHandle) -> None:
    message = await early(alice)
    assert ANNOUNCED in text_of(message)
    assert not is_clip(message)
    assert on_disk(bot) == []
    [attachment] = message.attachments
    assert 30_000 < len(bot.sandbox.bytes_of(attachment)) < 100_000
    bot.let_through()
    assert (await delivered(bot, music)) is message


@pytest.mark.parametrize("token", ["alive", "over"])
async def test_killed_while_it_is_shown(
    token: str, bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await early(alice)
    await bot.kill()
    if token == "over":
        bot.advance(AFTER_THE_TOKEN)
    bot.let_through()
    await bot.restart()
    clip = await delivered(bot, music)
    assert (clip is message) == (token == "alive")
    if token == "over":
        assert message.attachments == []
        await text_in(message, "This one took a while: http", bot.sandbox)


@pytest.mark.parametrize("after_effect", [False, True])
async def test_killed_while_it_is_sent(
    after_effect: bool, bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    held = bot.sandbox.faults.hold(operation=EDIT, where=shows_preview, after_effect=after_effect)
    reply = await ask(alice, "held early tune", seconds=10)  # “thinking…” may stay: it can be the first edit
    await held.until_struck()
    message = reply.message
    assert on_disk(bot) == [], "taken off the disk before it is sent"
    await bot.kill()
    held.clear()
    bot.let_through()
    await bot.restart()
    assert (await delivered(bot, music)) is message


async def test_killed_between_the_whole_and_its_record(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await early(alice)
    bot.advance(AFTER_THE_TOKEN)
    unrecorded = bot.sandbox.faults.hold(operation=POST, after_effect=True)
    bot.let_through()
    await unrecorded.until_struck()
    assert files_of(message) == PREVIEW
    await bot.kill()
    unrecorded.clear()
    await bot.restart()
    clip = await delivered(bot, music)
    assert clip is not message
    assert message.attachments == []


async def test_the_worker_killed_while_it_is_shown(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    import os
    import signal

    message = await early(alice)
    os.kill(bot.worker_pid(), signal.SIGKILL)
    await text_in(message, "had to start again", bot.sandbox)
    bot.let_through()
    assert (await delivered(bot, music)) is message


@pytest.mark.parametrize("token", ["alive", "over"])
async def test_cancelling_removes_it(token: str, bot: BotProcess, alice: Actor) -> None:
    message = await early(alice)
    if token == "over":
        bot.advance(AFTER_THE_TOKEN)
    await alice.click(message, "Cancel")
    await text_in(message, "Cancelled.", bot.sandbox)
    assert message.attachments == []
    assert on_disk(bot) == []


@pytest.mark.parametrize("code", [40005, 50013, None])
async def test_without_it_the_clip_comes_all_the_same(
    code: int | None, bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    faults = bot.sandbox.faults
    struck = (
        faults.cut(operation=EDIT, where=shows_preview, times=None)
        if code is None
        else faults.fail(code=code, operation=EDIT, where=shows_preview, times=None)
    )
    message = await rendering(alice, "early tune", seconds=10)
    await struck.until_struck()
    later = faults.hold(operation=EDIT)
    bot.let_through()
    await later.until_struck()
    assert message.attachments == []
    later.clear()
    assert (await delivered(bot, music)) is message


async def test_a_refused_preview_leaves_the_progress_going(bot: BotProcess, alice: Actor) -> None:
    refused = bot.sandbox.faults.fail(code=50013, operation=EDIT, where=shows_preview)
    message = await rendering(alice, "early tune", seconds=10)
    await refused.until_struck()
    before = text_of(message)
    # The time left is another one then.
    bot.advance(400)
    await bot.sandbox.until(lambda: text_of(message) != before or None, WAIT, "progress that goes on")
    assert ANNOUNCED not in text_of(message)


async def test_takes_and_short_clips_have_none(bot: BotProcess, alice: Actor, music: ChannelHandle) -> None:
    sent = bot.sandbox.faults.fail(500, operation=EDIT, where=shows_preview, times=None, optional=True)
    short = await rendering(alice, "early short", seconds=5)
    takes = await queued(alice, "early held takes", takes=2, seconds=10)
    bot.let_through(3)
    await bot.sandbox.until(lambda: len(short.attachments) == 2 or None, WAIT, "the clip")
    await bot.sandbox.until(lambda: len(takes.attachments) == 4 or None, WAIT, "the takes")
    assert sent.struck == 0
    assert not [name for name in on_disk(bot) if "preview" in name]


async def test_a_server_switches_it_off_for_itself(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    mina = bot.sandbox.member("mina")
    await choose(mina, "early_preview")
    sent = bot.sandbox.faults.fail(500, operation=EDIT, where=shows_preview, optional=True)
    message = await rendering(alice, "early tune", seconds=10)
    bot.let_through()
    assert (await delivered(bot, music)) is message
    assert sent.struck == 0
    sent.take_back()
    await choose(mina, "early_preview")
    await early(alice)
