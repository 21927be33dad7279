"""From the clips of a model to its figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.comparison.assemble import model_found
from bot.comparison.plan import Measured, Planned, Purpose
from bot.comparison.results import Memory, Sound
from bot.recipe.options import STEPS
from tests.builders import recipe

ALONE = Memory(resident_bytes=10**9, peak_bytes=2 * 10**9, gpu_peak_bytes=3 * 10**9, models=1)


def clip(
    seconds: float, purpose: Purpose, took: float, level: float = -10.0, **options: int
) -> tuple[Planned, Measured]:
    sound = Sound(low_mids=0.4, tempo_drift=None, loudness_range=1, third_octaves=(level,) * 26, follows=0.5)
    planned = Planned(recipe(seconds=seconds).with_options(**options), purpose)
    return planned, Measured(seconds=took, memory=ALONE, sound=sound)


CLIPS = [
    clip(10, Purpose.WARM, 99),
    clip(10, Purpose.LENGTHS, 1),
    clip(20, Purpose.LENGTHS, 2, -10),
    clip(20, Purpose.LENGTHS, 2, -14),
    clip(10, Purpose.STEPS, 1, -13, **{STEPS: 2}),
    clip(10, Purpose.STEPS, 5, -10, **{STEPS: 10}),
]


def test_each_clip_counts_for_what_it_was_made_for() -> None:
    found = model_found(CLIPS)
    assert found.seconds == {10: [1], 20: [2, 2]}, "the first clip pays for loading, and counts for nothing"
    assert found.exponent == pytest.approx(1)
    assert len(found.sounds) == 2
    assert found.spread == pytest.approx(4)
    assert [(one.steps, one.seconds, one.distance) for one in found.steps] == [(2, 1, 3), (10, 5, 0)]
    assert (found.steady_gb, found.peak_gb, found.gpu_gb) == (1, 2, 3)


def test_memory_of_a_worker_with_several_models_is_nobodys() -> None:
    planned, measured = CLIPS[1]
    several = (planned, replace(measured, memory=replace(ALONE, models=2)))
    found = model_found([CLIPS[0], several, *CLIPS[2:]])
    assert (found.steady_gb, found.peak_gb, found.gpu_gb) == (None, None, None)


def test_what_is_stored_comes_back() -> None:
    for planned, measured in CLIPS:
        assert Planned.from_dict(planned.to_dict()) == planned
        assert Measured.from_dict(measured.to_dict()) == measured
