"""Long clips are finished in blocks: the same clip as at once, in the memory of a block."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.audio import blocks, ffmpeg, mp3
from bot.audio.checks import check
from bot.audio.diagnosis import frame_levels, share_above, warnings
from bot.audio.finish import Clip, finish
from bot.audio.master import Master
from bot.audio.meter import gating_block, loudness, true_peak
from bot.audio.picture import draw_parts
from bot.audio.tags import Provenance
from bot.recipe import Mode, Recipe
from bot.recipe.capabilities import Capabilities
from tests.allocations import peak_bytes
from tests.audio.signals import SIGNALS, drums

RATE = 32_000
RATES = [16_000, 22_050, 32_000, 44_100, 48_000]


def finished(wave: np.ndarray, rate: int, path: Path, *, with_picture: bool = True) -> Clip:
    recipe = Recipe(prompt="x", mode=Mode.AR, model="x", seconds=wave.shape[1] / rate, seed=1)
    capabilities = Capabilities(
        mode=Mode.AR, model="x", title="X", licence="MIT", sample_rate=rate, channels=len(wave),
        min_seconds=1, max_seconds=600, prompt_tokens=64,
    )  # fmt: skip
    provenance = Provenance("cpu", 1)
    return finish(wave, recipe, capabilities, path, 1 << 40, provenance, with_picture=with_picture)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", SIGNALS)
def test_mastering_and_measuring_in_blocks_make_the_same_wave(
    name: str, rate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave = SIGNALS[name](rate, 4)
    whole = Master(wave, rate).at(-14, -1)
    lufs, peak = loudness(whole.wave, rate), true_peak(whole.wave, rate)
    monkeypatch.setattr(blocks, "BLOCK_SECONDS", 0.7)
    by_blocks = Master(wave, rate).at(-14, -1)
    assert len(list(by_blocks.parts())) > 4
    # On some processors a product of matrices rounds differently by how many rows it has, and so a gain.
    assert np.abs(by_blocks.wave - whole.wave).max() <= 5e-7
    assert loudness(whole.wave, rate) == pytest.approx(lufs, abs=1e-9)
    assert true_peak(whole.wave, rate) == pytest.approx(peak, abs=1e-5)
    assert by_blocks.true_peak_db == pytest.approx(whole.true_peak_db, abs=1e-5)


@given(st.integers(2_000, 80_000), st.sampled_from(RATES), st.sampled_from([0.11, 0.5, 30.0]))
@settings(max_examples=40, deadline=None)
def test_loudness_is_that_of_pyloudnorm(samples: int, rate: int, at_once: float) -> None:
    wave = np.random.default_rng(samples).standard_normal((2, samples)).astype(np.float32)
    wave *= np.linspace(1, 0, samples, dtype=np.float32) ** 4
    meter = pyloudnorm.Meter(rate, filter_class="DeMan", block_size=gating_block(samples / rate))
    expected = meter.integrated_loudness(wave.T.astype(np.float64))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_SECONDS", at_once)
        assert loudness(wave, rate) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", SIGNALS)
def test_checks_find_the_same_in_blocks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wave, rate = SIGNALS[name](32_000, 4), 32_000
    levels, found, share = frame_levels(wave, rate), warnings(wave, rate), share_above(100, wave, rate)
    monkeypatch.setattr(blocks, "BLOCK_SECONDS", 0.9)
    assert np.array_equal(frame_levels(wave, rate), levels)
    assert warnings(wave, rate) == found
    assert share_above(100, wave, rate) == pytest.approx(share, abs=0.02)
    assert np.array_equal(check(wave, rate, 4.0), wave)


@pytest.mark.parametrize("ending", [".mp3", ".flac"])
def test_a_file_written_in_blocks_is_the_file_written_at_once(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave = SIGNALS["pad"](32_000, 5)
    whole = finished(wave, 32_000, tmp_path / f"whole{ending}")
    monkeypatch.setattr(blocks, "BLOCK_SECONDS", 1.0)
    by_blocks = finished(wave, 32_000, tmp_path / f"blocks{ending}")
    np.testing.assert_allclose(mp3.decode(by_blocks.path)[0], mp3.decode(whole.path)[0], atol=1e-4)
    assert by_blocks.lufs == pytest.approx(whole.lufs, abs=0.01)
    assert by_blocks.seconds == whole.seconds == 5.0


@pytest.mark.parametrize("ending", [".mp3", ".flac"])
def test_finishing_a_clip_takes_little_more_for_a_longer_one(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finishing(wave: np.ndarray) -> int:
        return peak_bytes(partial(finished, wave, RATE, tmp_path / f"clip{ending}", with_picture=False))

    # The envelope of the limiter takes a quarter of a clip, in float64 at block rate.
    assert growth(finishing, monkeypatch) < 0.4, "a copy would make it more"


def test_drawing_a_clip_takes_no_more_for_a_longer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawing(wave: np.ndarray) -> int:
        parts = (wave[:, start:stop] for start, stop in blocks.blocks(wave.shape[1], RATE))
        return peak_bytes(partial(draw_parts, parts, wave.shape[1], RATE, tmp_path / "clip.png"))

    assert growth(drawing, monkeypatch) < 0.1, "the mean of the channels is half a clip"


def growth(peak: Callable[[np.ndarray], int], monkeypatch: pytest.MonkeyPatch) -> float:
    """Return how much a peak in bytes grows with a stereo clip in blocks of 3 s, as a share of the clip."""
    monkeypatch.setattr(blocks, "BLOCK_SECONDS", 3.0)
    short, long = (np.repeat(drums(RATE, seconds)[:1], 2, 0) for seconds in (20, 60))
    peak(short)
    return (peak(long) - peak(short)) / (long.nbytes - short.nbytes)


def test_what_fails_while_a_clip_is_encoded_is_raised(tmp_path: Path) -> None:
    def pieces() -> object:
        yield b"\0" * 8
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ffmpeg.run(
            ["-f", "s32le", "-ac", "1", "-ar", "32000", "-i", "pipe:0", "-f", "mp3", "pipe:1"],
            ffmpeg.Pieces(pieces(), 800_000),  # type: ignore[arg-type]
            tmp_path,
            ffmpeg.Limits(seconds=60),
        )
