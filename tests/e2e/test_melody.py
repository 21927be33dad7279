"""A melody attached to /music: heard in the clip, kept for another take, and gone with the last clip."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bot.audio.tags import read_recipe
from bot.jobs.melodies import MAX_ATTACHED_BYTES
from sandbox.actors import Actor, ChannelHandle, Reply, as_upload, text_of
from sandbox.model import Message
from tests.audio.melody_files import made as made_file
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import (
    ask,
    carries_clip,
    clip_of,
    clips_in,
    delete,
    eventually,
    made,
    mp3_of,
    pressed,
    private,
    rendering,
    text_in,
)
from tests.tone import loudest

pytestmark = pytest.mark.asyncio(loop_scope="module")


def tune(hz: float, suffix: str = "wav") -> tuple[str, bytes]:
    """A second of a tone, as a file."""
    written = BytesIO()
    wave = 0.5 * np.sin(2 * np.pi * hz * np.arange(16_000) / 16_000)
    soundfile.write(written, wave, 16_000, format=suffix.upper())
    return f"tune.{suffix}", written.getvalue()


def sha(file: tuple[str, bytes]) -> str:
    return hashlib.sha256(file[1]).hexdigest()


def kept(bot: BotProcess) -> set[str]:
    """The names of the melodies that the bot keeps."""
    folder = bot.folder / "clips" / "melodies"
    return {file.name for file in folder.iterdir()} if folder.exists() else set()


def heard(message: Message, bot: BotProcess, folder: Path) -> float:
    """The loudest frequency of a clip, in Hz."""
    wave, rate = soundfile.read(mp3_of(message, bot.sandbox, folder), always_2d=True)
    return loudest(wave[:, 0], rate)


@pytest.fixture
def large_uploads(bot: BotProcess) -> Iterator[None]:
    """Let members attach more than Discord lets them without paying."""
    messages = bot.sandbox.messages
    limit, messages.upload_limit = messages.upload_limit, 2 * MAX_ATTACHED_BYTES
    yield
    messages.upload_limit = limit


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
async def test_the_clip_follows_it_and_says_so(
    bot: BotProcess, alice: Actor, tmp_path: Path, suffix: str
) -> None:
    file = tune(500, suffix)
    message = await made(alice, "strings", mode="ar", melody=file)
    assert heard(message, bot, tmp_path) == pytest.approx(500, abs=5)
    assert read_recipe(mp3_of(message, bot.sandbox, tmp_path)).melody == sha(file)
    assert "Melody: yes" in text_of(await (await pressed(alice, message, "Details")).finished())


async def test_a_voice_memo_of_a_phone_is_followed_too(bot: BotProcess, alice: Actor, tmp_path: Path) -> None:
    source = ["-f", "lavfi", "-i", "sine=650:duration=1:sample_rate=44100"]
    data = made_file(tmp_path, "memo.m4a", "-c:a", "aac", source=source)
    message = await made(alice, "strings", mode="ar", melody=("memo.m4a", data))
    assert heard(message, bot, tmp_path) == pytest.approx(650, abs=5)
    again = await clip_of(await alice.click(message, "Again"))
    assert heard(again, bot, tmp_path) == pytest.approx(650, abs=5)


async def test_again_follows_it_and_the_other_mode_does_not(
    bot: BotProcess, alice: Actor, bob: Actor, tmp_path: Path
) -> None:
    file = tune(600)
    first = await made(alice, "strings", mode="ar", melody=file)
    again = await clip_of(await bob.click(first, "Again"))
    assert heard(again, bot, tmp_path) == pytest.approx(600, abs=5)
    assert read_recipe(mp3_of(again, bot.sandbox, tmp_path)).melody == sha(file)
    other = await clip_of(await bob.click(first, "Try diffusion"))
    assert read_recipe(mp3_of(other, bot.sandbox, tmp_path)).melody is None


async def test_a_preset_follows_it_for_once(bot: BotProcess, alice: Actor, tmp_path: Path) -> None:
    file = tune(700)
    message = await made(alice, "rain", mode="ar", preset="study-lofi-ar", melody=file)
    assert heard(message, bot, tmp_path) == pytest.approx(700, abs=5)
    refused = await ask(alice, "rain", mode="diffusion", preset="study-lofi-ar", melody=file)
    assert "`melody` does nothing in mode diffusion" in (await private(refused)).content


async def test_it_goes_with_the_last_clip_that_follows_it(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    file = tune(800)
    first = await made(alice, "strings", mode="ar", melody=file)
    second = await clip_of(await alice.click(first, "Again"))
    await delete(alice, first)
    await eventually(lambda: first not in clips_in(music), "the first deletion")
    third = await clip_of(await alice.click(second, "Again"))
    for message in (second, third):
        assert sha(file) in kept(bot)
        await delete(alice, message)
    await eventually(lambda: sha(file) not in kept(bot), "the last deletion")


async def test_a_melody_that_is_gone_is_said_and_another_clip_comes(
    bot: BotProcess, alice: Actor, bob: Actor
) -> None:
    first, waiting = tune(900), tune(950)
    clip = await made(alice, "strings", mode="ar", melody=first)
    (bot.folder / "clips" / "melodies" / sha(first)).unlink()
    assert "Attach it again" in (await private(await alice.click(clip, "Again"))).content

    running = await rendering(bob, "one", mode="ar")
    message = await (await ask(alice, "strings", mode="ar", melody=waiting)).finished()
    (bot.folder / "clips" / "melodies" / sha(waiting)).unlink()
    bot.let_through()
    await carries_clip(running, bot.sandbox)
    await text_in(message, "(?s)That did not work.*Attach it again", bot.sandbox)
    assert (await made(alice, "fine again")).attachments


def with_nan() -> tuple[str, bytes]:
    wave = np.full(16_000, 0.5, np.float32)
    wave[-1] = np.nan
    written = BytesIO()
    soundfile.write(written, wave, 16_000, format="WAV", subtype="FLOAT")
    return "tune_[x](https-evil.example).wav", written.getvalue()


def silence() -> tuple[str, bytes]:
    written = BytesIO()
    soundfile.write(written, np.zeros(16_000), 16_000, format="FLAC")
    return "silence.flac", written.getvalue()


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (("notes.txt", b"do re mi fa so la ti do " * 500), r"notes\.\W*txt cannot be read as audio"),
        (("tune.mp3", b""), r"tune\.\W*mp3 cannot be read as audio"),
        (("tune.wav", tune(440)[1][:30]), r"tune\.\W*wav cannot be read as audio"),
        (silence(), r"no sound in silence\.\W*flac"),
        (with_nan(), r"(?s)tune\\_.*evil\.\W*example.*holds invalid numbers"),
    ],
    ids=["text", "empty", "cut", "silent", "NaN"],
)
async def test_what_is_no_tune_is_refused(
    bot: BotProcess, alice: Actor, file: tuple[str, bytes], said: str
) -> None:
    message = await private(await ask(alice, "strings", mode="ar", melody=file))
    await text_in(message, said, bot.sandbox)
    assert not re.search("[0-9a-f]{64}", message.content)
    assert sha(file) not in kept(bot)


@pytest.mark.usefixtures("large_uploads")
async def test_too_large_a_file_is_refused(alice: Actor) -> None:
    message = await private(
        await ask(alice, "strings", mode="ar", melody=("tune.wav", bytes(MAX_ATTACHED_BYTES + 1)))
    )
    assert "10 MiB is the most" in message.content


async def test_a_mode_that_takes_none_refuses_it(bot: BotProcess, alice: Actor) -> None:
    file = tune(990)
    reply: Reply = await ask(alice, "strings", mode="diffusion", melody=file)
    assert "`melody` does nothing in mode diffusion" in (await private(reply)).content
    assert sha(file) not in kept(bot)


async def test_a_file_that_discord_does_not_hand_over_is_said(bot: BotProcess, alice: Actor) -> None:
    upload = bot.sandbox.client.upload(
        alice.user, bot.sandbox.channel("music").channel, as_upload(0, tune(440))
    )
    bot.sandbox.store.delete_file(upload.id)
    message = await private(await ask(alice, "strings", mode="ar", melody=upload))
    assert re.search(r"couldn't fetch tune\.\W*wav from Discord", message.content)


@pytest.mark.asyncio(loop_scope="function")
async def test_it_is_followed_after_a_power_cut(own_bot: BotProcess, tmp_path: Path) -> None:
    alice, file = own_bot.sandbox.member("alice"), tune(550)
    message = await rendering(alice, "strings", mode="ar", melody=file)
    await own_bot.kill()
    (own_bot.folder / "clips" / "melodies" / "half-written").touch()
    own_bot.let_through()
    await own_bot.restart()
    await carries_clip(message, own_bot.sandbox)
    assert heard(message, own_bot, tmp_path) == pytest.approx(550, abs=5)
    await eventually(lambda: kept(own_bot) == {sha(file)}, "what was half written to go")
