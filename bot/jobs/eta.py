"""How long until a clip is there. Pure functions."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from bot.recipe import Recipe

FINISHING_SECONDS = 1.5
"""Mastering, MP3, picture and upload of one clip; `benchmarks/audio.py` measures the first three."""

Pace = Callable[[Recipe], float]
"""Render seconds per second of audio expected for a recipe."""


def render_seconds(recipe: Recipe, pace: Pace) -> float:
    """Return how long one clip is expected to take, from claim to delivery."""
    return recipe.seconds * pace(recipe) + FINISHING_SECONDS


def remaining_seconds(recipe: Recipe, pace: Pace, elapsed: float, fraction: float | None) -> float:
    """Return what is left of a running clip: by its own progress once 5 % are done, else by the pace.

    A clip that already took longer than expected is said to need a tenth of that time more, never nothing.
    """
    if fraction is not None and fraction >= 0.05:
        return elapsed * (1 - fraction) / fraction + FINISHING_SECONDS
    expected = render_seconds(recipe, pace)
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
    """Return a duration as people say it: “about 20 s”, “about 3 min”, “about 2 h”."""
    if seconds < 90:
        return f"about {max(5, 5 * round(seconds / 5))} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {round(seconds / 3600)} h"
