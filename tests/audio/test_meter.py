from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bot.audio.meter import Wave, interpolated_peaks, loudness, true_peak
from tests.audio.signals import SIGNALS, ffmpeg_measure, tone

RATES = [16_000, 32_000, 44_100, 48_000]


@pytest.mark.parametrize("rate", RATES)
def test_full_scale_tone_reads_as_the_standard_says(rate: int) -> None:
    """BS.1770-4: 0 dBFS, 997 Hz in one channel is −3.01 LKFS."""
    assert loudness(tone(rate, 5, 997, level=1.0), rate) == pytest.approx(-3.01, abs=0.06)


def test_stereo_tone_reads_its_own_level() -> None:
    """EBU Tech 3341, case 1: a stereo 1 kHz tone at −23 dBFS is −23 LUFS."""
    wave = np.repeat(tone(48_000, 20, 1_000, level=10 ** (-23 / 20)), 2, axis=0)
    assert loudness(wave, 48_000) == pytest.approx(-23, abs=0.1)


def test_silence_has_no_loudness_and_no_peak() -> None:
    wave = np.zeros((2, 48_000), np.float32)
    assert loudness(wave, 48_000) == -np.inf
    assert true_peak(wave, 48_000) == -np.inf


@pytest.mark.parametrize("seconds", [0.02, 0.1, 0.39])
def test_clip_shorter_than_a_block_reads_like_a_long_one(seconds: float) -> None:
    assert loudness(tone(48_000, seconds, 997), 48_000) == pytest.approx(
        loudness(tone(48_000, 3, 997), 48_000), abs=0.05
    )


@pytest.mark.parametrize(("divisor", "degrees"), [(4, 0), (4, 45), (6, 60), (8, 67.5)])
def test_true_peak_between_samples_is_found(divisor: int, degrees: float) -> None:
    """EBU Tech 3341, cases 15 to 18: tones at fs/4, fs/6 and fs/8 at half scale are −6 dBTP, +0.2/−0.4."""
    phase = 2 * np.pi * np.arange(48_000) / divisor + np.radians(degrees)
    wave = (0.5 * np.sin(phase) * np.hanning(48_000))[np.newaxis].astype(np.float32)
    assert -6.4 <= true_peak(wave, 48_000) <= -5.8


@given(
    hnp.arrays(
        np.float32, st.tuples(st.integers(1, 2), st.integers(1, 400)), elements=st.floats(-1, 1, width=32)
    ),
    st.sampled_from(RATES),
)
def test_leaving_quiet_stretches_out_never_changes_the_peak(wave: Wave, rate: int) -> None:
    exact = interpolated_peaks(wave, rate, above=0.0).max()
    loudest = float(np.abs(wave).max())
    assert interpolated_peaks(wave, rate, above=loudest).max() == pytest.approx(exact, rel=1e-5, abs=1e-30)
    assert exact >= loudest * (1 - 1e-6)


@pytest.mark.parametrize("rate", [32_000, 44_100, 48_000])
@pytest.mark.parametrize("name", ["tone", "drums", "clicks", "noise"])
def test_ffmpeg_reads_the_same(name: str, rate: int, tmp_path: Path) -> None:
    wave = SIGNALS[name](rate, 4)
    soundfile.write(tmp_path / "wave.wav", wave.T, rate, subtype="FLOAT")
    lufs, peak = ffmpeg_measure(tmp_path / "wave.wav")
    assert loudness(wave, rate) == pytest.approx(lufs, abs=0.12)
    assert true_peak(wave, rate) == pytest.approx(peak, abs=0.12)
