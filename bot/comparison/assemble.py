"""From the measured clips of each model to what a comparison found."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from bot.comparison.measures import FloatArray, growth_exponent, spread
from bot.comparison.plan import Measured, Planned, Purpose
from bot.comparison.results import SOUND_SECONDS, ModelFound, Sound, StepsFound
from bot.recipe.options import STEPS


def model_found(clips: Sequence[tuple[Planned, Measured]]) -> ModelFound:
    """Return what was measured of the one model whose clips these are, in their order."""
    recipe = clips[0][0].recipe
    by_length = [(one.recipe, found) for one, found in clips if one.purpose is Purpose.LENGTHS]
    times: dict[float, list[float]] = {}
    for one, found in by_length:
        times.setdefault(one.seconds, []).append(found.seconds)
    means = {length: fmean(taken) for length, taken in times.items()}
    sound_length = min(times, key=lambda length: abs(length - SOUND_SECONDS), default=0.0)
    sounds = [found.sound for one, found in by_length if one.seconds == sound_length]
    swept = [(one.recipe, found) for one, found in clips if one.purpose is Purpose.STEPS]
    # A worker with several models in memory tells nothing of one of them.
    alone = [found.memory for _, found in clips if found.memory.models == 1]
    known = alone if len(alone) == len(clips) else []
    return ModelFound(
        mode=recipe.mode.value,
        model=recipe.model,
        steady_gb=_gb(known[0].resident_bytes) if known else None,
        peak_gb=_gb(known[-1].peak_bytes) if known else None,
        gpu_gb=_gb(known[-1].gpu_peak_bytes) if known else None,
        seconds=times,
        exponent=growth_exponent(list(means), list(means.values())),
        sounds=sounds,
        spread=spread([_profile(sound) for sound in sounds]),
        steps=[
            StepsFound(
                int(one.options[STEPS]),
                found.seconds,
                spread([_profile(found.sound), _profile(swept[-1][1].sound)]),
                found.sound.follows,
            )
            for one, found in swept
        ],
    )


def _profile(sound: Sound) -> FloatArray:
    return np.asarray(sound.third_octaves)


def _gb(memory_bytes: int | None) -> float | None:
    """Return GB, or None for the 0 of a system that does not tell."""
    return memory_bytes / 1e9 if memory_bytes else None
