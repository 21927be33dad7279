"""How long until a clip is there. Pure functions."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from bot.locale import tr
from bot.recipe import ModelRef, Recipe

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


@dataclass(frozen=True, slots=True)
class Work:
    """A clip to be rendered. seconds: what it takes, or what is left of a running one.

    slots: how many clips for its model one worker renders at once.  worker: where it runs, of a running one.
    """

    model: ModelRef
    seconds: float
    slots: int = 1
    worker: int = 0


class _Batch:
    """A worker's slots: the model that they are for, and when each is free."""

    def __init__(self) -> None:
        self.model: ModelRef | None = None
        self.free_at = [0.0]

    def start(self, work: Work) -> float:
        """Return when a clip could begin: in a free slot of its own model, or after the whole batch."""
        return min(self.free_at) if work.model == self.model else max(self.free_at)

    def add(self, work: Work) -> float:
        """Give a clip the slot that is free first; return when it is done."""
        if work.model != self.model:
            self.model, self.free_at = work.model, [max(self.free_at)] * work.slots
        return heapq.heapreplace(self.free_at, self.free_at[0] + work.seconds) + work.seconds


def finish_times(running: Sequence[Work], waiting: Sequence[Work], workers: int) -> list[float]:
    """Return the seconds until each waiting clip is done, when each goes where it can begin first.

    waiting: in the queue's order. An engine with slots renders clips for its model beside each other, and
    never fills a batch past the head of the queue: a clip for another model waits for the whole batch.
    """
    batches = [_Batch() for _ in range(workers)]
    for work in running:
        batches[work.worker % workers].add(work)
    return [min(batches, key=lambda batch: batch.start(work)).add(work) for work in waiting]


def spoken(seconds: float) -> str:
    """Return a duration as people say it: “a few seconds”, “about 20 s”, “about 3 min”, “about 2 h”."""
    if seconds < 4:
        return tr("a few seconds")
    if seconds < 90:
        return tr("about {count} s", count=max(5, 5 * round(seconds / 5)))
    if seconds < 90 * 60:
        return tr("about {count} min", count=round(seconds / 60))
    return tr("about {count} h", count=round(seconds / 3600))


def spoken_range(seconds: float, low: float, high: float) -> str:
    """Return a duration with its range where that is wide: “1–2 min”, “about 3 min”."""
    if high < 10 or high < 1.5 * low:
        return spoken(seconds)
    unit, size, step = ("s", 1, 5) if high < 90 else ("min", 60, 1) if high < 90 * 60 else ("h", 3600, 1)
    first, last = (max(step, step * round(end / size / step)) for end in (low, high))
    return f"{first}–{last} {unit}" if first < last else spoken(seconds)
