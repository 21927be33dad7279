"""MIDI, stems and FLAC of a clip of the built-in models, by the buttons under its Details."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
import soundfile
from mido import MidiFile

from bot.audio.tags import read_recipe, read_score
from bot.engines.score import MODELS
from bot.engines.score.bank import Bank
from bot.engines.score.format import ROLES
from bot.engines.score.sampler import Sampler
from bot.engines.score.serialize import from_text
from bot.engines.score.stems import NOISE
from cogs.clips.files import MESSAGE_BYTES
from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.model import Attachment, Message
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import WAIT, clip_of, labels, made, more, mp3_of, pressed, private
from tests.e2e.conftest import running
from tests.program import ENGINES

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(description: Spec, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotProcess]:
    """A running bot with the built-in models."""
    folder = tmp_path_factory.mktemp("files")
    async with running(description, folder, **{ENGINES: "bot.engines.registry"}) as bot:
        yield bot


async def files_of(bot: BotProcess, actor: Actor, details: Message, button: str) -> list[Attachment]:
    reply = await actor.click(details, button)
    return (await private(reply)).attachments


def audio(bot: BotProcess, file: Attachment) -> tuple[np.ndarray, int]:
    wave, rate = soundfile.read(BytesIO(bot.sandbox.bytes_of(file)), always_2d=True)
    return wave, rate


async def test_a_clip_is_given_as_midi_stems_and_flac_after_a_restart(
    bot: BotProcess, alice: Actor, bob: Actor, tmp_path: Path
) -> None:
    message = await made(alice, "calm jazz trio with piano", mode="ar", seconds=6, seed=5)
    details = await private(await pressed(bob, message, "Details"))
    assert labels(details) == ["MIDI", "Stems", "FLAC"]
    await bot.kill()
    await bot.restart()
    mp3 = mp3_of(message, bot.sandbox, tmp_path)
    [midi] = await files_of(bot, bob, details, "MIDI")
    assert midi.filename == "calm-jazz-trio-with-piano.mid"
    tracks = MidiFile(file=BytesIO(bot.sandbox.bytes_of(midi))).tracks
    assert tracks[0].name == "calm jazz trio with piano"
    assert len(tracks) > 1

    stems = await files_of(bot, bob, details, "Stems")
    waves = [audio(bot, stem) for stem in stems]
    assert len(stems) >= 2
    assert {rate for _, rate in waves} == {32_000}
    names = {stem.filename.removesuffix("-calm-jazz-trio-with-piano.flac") for stem in stems}
    assert names <= {*ROLES, NOISE}
    whole = Sampler(Bank(MODELS / "sounds")).render(from_text(read_score(mp3)), 6, 5).T
    total = sum(wave for wave, _ in waves)
    factor = float(np.sum(total * whole) / np.sum(total**2))
    assert factor >= 1 - 1e-6
    np.testing.assert_allclose(factor * total, whole, atol=1e-4)

    [flac] = await files_of(bot, bob, details, "FLAC")
    path = tmp_path / flac.filename
    path.write_bytes(bot.sandbox.bytes_of(flac))
    assert read_recipe(path) == read_recipe(mp3)
    assert read_score(path) == read_score(mp3)
    wave, rate = audio(bot, flac)
    assert (wave.shape, rate) == ((6 * 32_000, 2), 32_000)
    heard, _ = soundfile.read(mp3, always_2d=True)
    count = min(len(heard), len(wave))
    assert np.corrcoef(heard[:count, 0], wave[:count, 0])[0, 1] > 0.99


async def test_a_repainted_clip_says_that_its_source_is_played_anew(bot: BotProcess, alice: Actor) -> None:
    first = await made(alice, "soft bells", mode="ar", seconds=6)
    form = await pressed(alice, first, "Repaint")
    repainted = await clip_of(await alice.submit(form, {"repaint_start": "1", "repaint_end": "3"}))
    details = await private(await pressed(alice, repainted, "Details"))
    answer = await private(await alice.click(details, "FLAC"))
    assert "which is played anew here" in text_of(answer)


async def test_a_file_that_is_too_large_says_how_large_and_what_to_do(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await made(alice, "orchestra with drums and brass", mode="ar", seconds=14, seed=5)
    details = await private(await pressed(alice, message, "Details"))
    stems = (await private(await alice.click(details, "Stems"))).attachments
    music.upload_limit(2**20)
    answer = await private(await alice.click(details, "FLAC"))
    assert re.search(r"The FLAC would have [1-9]\.\d MiB, and 1 MiB is the limit here", text_of(answer))
    # Each stem fits, all together do not: they come in several messages.
    music.upload_limit(max(len(bot.sandbox.bytes_of(one)) for one in stems) + MESSAGE_BYTES)
    reply = await alice.click(details, "Stems")

    def sent() -> list[str] | None:
        messages = [one for one in (reply.message, *reply.followups) if one is not None]
        names = [file.filename for one in messages for file in one.attachments]
        return names if len(messages) > 1 and len(names) == len(stems) else None

    names = await bot.sandbox.until(sent, WAIT, "all stems")
    assert names == [one.filename for one in stems]
    music.upload_limit(None)


async def test_a_place_that_takes_less_than_promised_says_so(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    details = await private(await pressed(alice, await made(alice, "harp", mode="ar", seconds=6), "Details"))
    music.upload_limit(100_000, 10 * 2**20)
    answer = await private(await alice.click(details, "FLAC"))
    music.upload_limit(None)
    assert "Discord takes less here than it promised" in text_of(answer)


async def test_a_clip_without_notes_has_no_such_buttons(description: Spec, tmp_path: Path) -> None:
    async with running(description, tmp_path, MODELS="versatile") as bot:
        alice = bot.sandbox.member("alice")
        details = await private(await pressed(alice, await made(alice, "rain"), "Details"))
        assert labels(details) == []


async def test_one_file_at_a_time_for_each_member(bot: BotProcess, alice: Actor) -> None:
    message = await made(alice, "warm strings", mode="ar", seconds=6)
    details = await private(await alice.click(await more(alice, message), "Details"))
    replies = [await alice.click(details, name, wait=False) for name in ("Stems", "Stems")]
    answers = [text_of(await private(reply)) for reply in replies]
    assert any("still making files for you" in answer for answer in answers)
    assert any("Each role alone" in answer for answer in answers)
