"""A stored clip is encoded again where a place takes less than it promised."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from bot.audio import mp3
from bot.audio.finish import Clip, finish
from bot.audio.meter import loudness, true_peak
from bot.audio.reencode import MIN_BYTES, reencode, smaller_limit
from bot.audio.tags import Provenance, read_recipe, tag_bytes
from bot.errors import RenderError
from tests.audio.signals import SIGNALS, capabilities, recipe, tone

RATE = 44_100


def stored(
    folder: Path, name: str = "drums", seconds: float = 3.0, provenance: Provenance | None = None
) -> Clip:
    return finish(
        SIGNALS[name](RATE, seconds),
        recipe(seconds, prompt="slow piano 🎹"),
        capabilities(RATE),
        folder / "clip.mp3",
        10 * 2**20,
        Provenance("cpu", 1),
        with_picture=False,
    )


def test_each_attempt_is_smaller_until_size_cannot_be_the_fault(tmp_path: Path) -> None:
    large, small = tmp_path / "a.mp3", tmp_path / "b.mp3"
    small.write_bytes(b"x")
    limit: int | None = 1_000_000
    attempts: list[int] = []
    while limit is not None and len(attempts) < 20:
        attempts.append(limit)
        large.write_bytes(bytes(limit))
        limit = smaller_limit([small, large])
    assert attempts == sorted(attempts, reverse=True)
    assert 4 <= len(attempts) <= 10
    assert MIN_BYTES <= attempts[-1] < 2 * MIN_BYTES


@pytest.mark.parametrize("name", ["drums", "pad", "noise", "clicks"])
@pytest.mark.parametrize("share", [0.7, 0.25])
async def test_it_fits_and_keeps_its_tag_length_and_loudness(tmp_path: Path, name: str, share: float) -> None:
    clip = stored(tmp_path, name)
    tag, made = tag_bytes(clip.path), read_recipe(clip.path)
    assert len(tag) > 200
    limit = int(clip.bytes * share)
    assert await reencode(clip.path, limit) == clip.path
    assert [file.name for file in tmp_path.iterdir()] == ["clip.mp3"]
    assert limit / 2 < clip.path.stat().st_size <= limit
    assert tag_bytes(clip.path) == tag
    assert read_recipe(clip.path) == made
    wave, rate = mp3.decode(clip.path)
    assert wave.shape[1] / rate == pytest.approx(clip.seconds, abs=0.1)
    assert true_peak(wave, rate) <= -1
    lufs = loudness(wave, rate)
    assert clip.lufs - 2.5 < lufs < clip.lufs + 0.5
    if name in ("pad", "noise"):
        assert lufs == pytest.approx(clip.lufs, abs=0.5)


async def test_a_copy_leaves_the_clip_as_it_was(tmp_path: Path) -> None:
    clip = stored(tmp_path)
    before = clip.path.read_bytes()
    small = await reencode(clip.path, clip.bytes // 2, tmp_path / "small.mp3")
    assert small == tmp_path / "small.mp3"
    assert small.stat().st_size <= clip.bytes // 2
    assert clip.path.read_bytes() == before


@pytest.mark.parametrize("limit", [1_000, 0, -5])
async def test_what_cannot_fit_is_said_and_left_alone(tmp_path: Path, limit: int) -> None:
    clip = stored(tmp_path)
    before = clip.path.read_bytes()
    with pytest.raises(RenderError, match="does not fit"):
        await reencode(clip.path, limit)
    assert clip.path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["clip.mp3"]


async def test_a_damaged_clip_and_one_that_is_gone_are_said(tmp_path: Path) -> None:
    (tmp_path / "clip.mp3").write_bytes(b"no audio")
    with pytest.raises(RenderError, match="cannot be read"):
        await reencode(tmp_path / "clip.mp3", 100_000)
    with pytest.raises(RenderError, match="No such file"):
        await reencode(tmp_path / "gone.mp3", 100_000)


async def test_it_ends_with_its_callers_task(tmp_path: Path) -> None:
    clip = stored(tmp_path)
    before = clip.path.read_bytes()
    task = asyncio.create_task(reencode(clip.path, clip.bytes // 2))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clip.path.read_bytes() == before


def test_the_bots_process_stays_light() -> None:
    heavy = {"numpy", "soundfile", "torch"}
    program = f"import sys, bot.audio.reencode; print({heavy} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


def test_a_tag_is_read_to_its_last_byte(tmp_path: Path) -> None:
    plain = mp3.encode(tone(RATE, 1), RATE, 128, tmp_path)
    assert tag_bytes(plain) == b""
    clip = stored(tmp_path)
    content = clip.path.read_bytes()
    assert content[len(tag_bytes(clip.path)) :][:2] == b"\xff\xfb"
    plain.write_bytes(b"ID3\x04\x00")
    assert tag_bytes(plain) == b""
