"""How long until a clip is there. Pure functions."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from bot.recipe import Recipe

FINISHING_SECONDS = 1.5
"""Mastering, MP3, picture and upload of one clip; `benchmarks/audio.py` measures the first three."""


def first_guess(recipe: Recipe, real_time_factor: float) -> float:
    """Return how long a clip takes, from claim to delivery, before this machine has made one like it.

    real_time_factor: seconds of rendering for one of audio, by the model's description.
    """
    return recipe.seconds * real_time_factor + FINISHING_SECONDS


def remaining_seconds(expected: float, elapsed: float, fraction: float | None) -> float:
    """Return what is left of a running clip: by its own progress once 5 % are done, else of `expected`.

    A clip that already took longer than expected is said to need a tenth of that time more, never nothing.
    """
    if fraction is not None and fraction >= 0.05:
        return elapsed * (1 - fraction) / fraction + min(FINISHING_SECONDS, expected / 2)
    return max(expected - elapsed, expected / 10)


def finish_times(running: Sequence[float], waiting: Sequence[float], workers: int) -> list[float]:
    """Return the seconds until each waiting job is done, when each goes to the worker that is free first.

    running: what is left of the running jobs; waiting: the durations of the others, in the queue's order.
    """
    free_at = [0.0] * workers
    for seconds in running:
        heapq.heapreplace(free_at, free_at[0] + seconds)
    finished = []
    for seconds in waiting:
        finished.append(free_at[0] + seconds)
        heapq.heapreplace(free_at, finished[-1])
    return finished


def spoken(seconds: float) -> str:
    """Return a duration as people say it: “a few seconds”, “about 20 s”, “about 3 min”, “about 2 h”."""
    if seconds < 4:
        return "a few seconds"
    if seconds < 90:
        return f"about {max(5, 5 * round(seconds / 5))} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {round(seconds / 3600)} h"


def spoken_range(seconds: float, low: float, high: float) -> str:
    """Return a duration with its range where that is wide: “1–2 min”, “about 3 min”."""
    if high < 10 or high < 1.5 * low:
        return spoken(seconds)
    unit, size, step = ("s", 1, 5) if high < 90 else ("min", 60, 1) if high < 90 * 60 else ("h", 3600, 1)
    first, last = (max(step, step * round(end / size / step)) for end in (low, high))
    return f"{first}–{last} {unit}" if first < last else spoken(seconds)
