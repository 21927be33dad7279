"""How long until a clip is there. Pure functions."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from typing import NamedTuple

from bot.jobs.durations import slowed
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

    expected, elapsed: in seconds of a clip with no other beside it, as what is returned.
    A clip that already took longer than expected is said to need a tenth of that time more, never nothing.
    """
    if fraction is not None and fraction >= 0.05:
        return elapsed * (1 - fraction) / fraction + min(FINISHING_SECONDS, expected / 2)
    return max(expected - elapsed, expected / 10)


class Work(NamedTuple):
    """A clip to be rendered. seconds: what it takes alone, or what is left of a running one.

    slots: how many clips for its model one worker renders at once.  slowdown: what each further clip beside
    it adds to its time, as a share.  worker: where it runs, of a running one.
    """

    model: ModelRef
    seconds: float
    slots: int = 1
    slowdown: float = 0.0
    worker: int = 0


class _Worker:
    """A worker that renders clips for one model at once, all at the same speed (processor sharing).

    `_done` counts what each of them has got, in seconds of a clip that is alone: one that begins now ends
    when it has grown by what that clip takes.
    """

    def __init__(self) -> None:
        self._model: ModelRef | None = None
        self._slots = 1
        self._slowdown = 0.0
        self._pace = 1.0
        self._done = 0.0
        self.ends: list[tuple[float, int]] = []

    def can_begin(self, work: Work) -> bool:
        """Tell whether it renders nothing, or has a slot for another clip of this model."""
        return not self.ends or (work.model == self._model and len(self.ends) < self._slots)

    def begin(self, number: int, work: Work) -> None:
        """Render a clip from now on."""
        self._model, self._slots, self._slowdown = work.model, work.slots, work.slowdown
        heapq.heappush(self.ends, (self._done + work.seconds, number))
        self._pace = slowed(self._slowdown, len(self.ends))

    def until_next(self) -> float:
        """Return the seconds until one of its clips is done, infinite where it renders none."""
        return (self.ends[0][0] - self._done) * self._pace if self.ends else math.inf

    def end_next(self) -> int:
        """Let time go by until the next clip is done, and return it."""
        self._done, number = heapq.heappop(self.ends)
        self._pace = slowed(self._slowdown, max(len(self.ends), 1))
        return number

    def wait(self, seconds: float) -> None:
        """Let time go by in which no clip is done."""
        self._done += seconds / self._pace


def finish_times(running: Sequence[Work], waiting: Sequence[Work], workers: int) -> list[float]:
    """Return the seconds until each clip is done, the running ones first.

    waiting: in the queue's order. Each goes where it can begin first, to the worker that renders the fewest.
    An engine with slots renders clips for its model beside each other, and never fills a batch past the head
    of the queue: a clip for another model waits for the whole batch.
    """
    farm = [_Worker() for _ in range(workers)]
    finished = [0.0] * (len(running) + len(waiting))
    now = 0.0

    def end_next() -> None:
        nonlocal now
        first = min(farm, key=_Worker.until_next)
        seconds = first.until_next()
        for worker in farm:
            if worker is not first:
                worker.wait(seconds)
        now += seconds
        finished[first.end_next()] = now

    for number, work in enumerate(running):
        farm[work.worker % workers].begin(number, work)
    for number, work in enumerate(waiting, len(running)):
        while not (ready := [worker for worker in farm if worker.can_begin(work)]):
            end_next()
        min(ready, key=lambda worker: len(worker.ends)).begin(number, work)
    while any(worker.ends for worker in farm):
        end_next()
    return finished


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
