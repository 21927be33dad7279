"""The measures of a comparison, on signals whose values are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.comparison.measures import (
    band_share,
    growth_exponent,
    loudness_range,
    spread,
    tempo_drift,
    third_octaves,
)

RATE = 32_000


def tone(hz: float, seconds: float = 4.0, level: float = 0.5) -> np.ndarray:
    wave = level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)
    return np.stack([wave, wave]).astype(np.float32)


def clicks(periods: list[float]) -> np.ndarray:
    """Short noises, each so many seconds after the one before."""
    at = np.cumsum(periods)
    wave = np.zeros(round((at[-1] + 1) * RATE), np.float32)
    hit = np.random.default_rng(1).standard_normal(800) * np.exp(-np.arange(800) / 100)
    for second in at:
        start = round(second * RATE)
        wave[start : start + 800] += hit.astype(np.float32)
    return np.stack([wave, wave])


def test_the_share_of_a_band_is_that_of_the_energy_in_it() -> None:
    both = tone(300) + tone(2_000)
    assert band_share(tone(300), RATE) == pytest.approx(1, abs=0.01)
    assert band_share(tone(2_000), RATE) == pytest.approx(0, abs=0.01)
    assert band_share(both, RATE) == pytest.approx(0.5, abs=0.01)
    assert band_share(np.zeros((2, RATE), np.float32), RATE) == 0


@pytest.mark.parametrize("step", [6.0, 10.0, 15.0])
def test_the_loudness_range_of_two_levels_is_the_step_between_them(step: float) -> None:
    """Tech 3342's own first cases: a tone of 1 kHz at one level, then at another, for 20 s each."""
    wave = np.concatenate([tone(1_000, 20, 0.1), tone(1_000, 20, 0.1 * 10 ** (-step / 20))], axis=1)
    assert loudness_range(wave, RATE) == pytest.approx(step, abs=1)
    assert loudness_range(tone(1_000, 20), RATE) == pytest.approx(0, abs=0.1)
    assert loudness_range(tone(1_000, 2), RATE) == 0


def test_what_is_far_below_the_music_is_no_part_of_its_loudness_range() -> None:
    wave = np.concatenate([tone(1_000, 40, 0.1), tone(1_000, 20, 0.001)], axis=1)
    assert loudness_range(wave, RATE) == pytest.approx(0, abs=2)


def test_a_steady_beat_does_not_drift_and_one_that_slows_down_does() -> None:
    steady, slowing = (
        tempo_drift(clicks([0.5] * 50), RATE),
        tempo_drift(clicks([0.48 + 0.001 * n for n in range(50)]), RATE),
    )
    assert steady is not None
    assert slowing is not None
    assert steady < 0.002
    assert slowing > 5 * steady
    assert slowing > 0.01
    assert tempo_drift(clicks([0.5] * 6), RATE) is None


@given(st.floats(0.3, 2.5), st.floats(0.01, 10))
def test_the_exponent_of_a_power_is_found(exponent: float, factor: float) -> None:
    lengths = [10.0, 20.0, 30.0, 60.0]
    found = growth_exponent(lengths, [factor * length**exponent for length in lengths])
    assert found == pytest.approx(exponent, abs=1e-6)


def test_one_length_has_no_exponent() -> None:
    assert growth_exponent([10.0], [1.0]) is None


def test_the_spread_is_nothing_for_equal_clips_and_grows_with_their_difference() -> None:
    low, mid, high = (third_octaves(tone(hz), RATE) for hz in (200, 1_000, 4_000))
    assert spread([low, low]) == 0
    assert spread([low]) == 0
    assert spread([low, mid, high]) > 5
