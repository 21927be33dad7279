"""How long until a clip is there. Pure functions."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Work:
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
        self._done = 0.0
        self._ends: list[tuple[float, int]] = []

    @property
    def count(self) -> int:
        """How many clips it renders."""
        return len(self._ends)

    def can_begin(self, work: Work) -> bool:
        """Tell whether it renders nothing, or has a slot for another clip of this model."""
        return not self._ends or (work.model == self._model and self.count < self._slots)

    def begin(self, number: int, work: Work) -> None:
        """Render a clip from now on."""
        self._model, self._slots, self._slowdown = work.model, work.slots, work.slowdown
        heapq.heappush(self._ends, (self._done + work.seconds, number))

    def until_next(self) -> float:
        """Return the seconds until one of its clips is done, infinite where it renders none."""
        return (self._ends[0][0] - self._done) * self._pace() if self._ends else math.inf

    def advance(self, seconds: float) -> list[int]:
        """Let so much time go by, up to `until_next`; return the clips that are done then."""
        if not self._ends:
            return []
        ends = seconds >= self.until_next()
        self._done = self._ends[0][0] if ends else self._done + seconds / self._pace()
        found = []
        while self._ends and self._ends[0][0] <= self._done:
            found.append(heapq.heappop(self._ends)[1])
        return found

    def _pace(self) -> float:
        return slowed(self._slowdown, self.count)


def finish_times(running: Sequence[Work], waiting: Sequence[Work], workers: int) -> list[float]:
    """Return the seconds until each clip is done, the running ones first.

    waiting: in the queue's order. Each goes where it can begin first, to the worker that renders the fewest.
    An engine with slots renders clips for its model beside each other, and never fills a batch past the head
    of the queue: a clip for another model waits for the whole batch.
    """
    farm = [_Worker() for _ in range(workers)]
    works = [*running, *waiting]
    finished = [0.0] * len(works)
    now = 0.0

    def advance() -> None:
        nonlocal now
        seconds = min(worker.until_next() for worker in farm)
        now += seconds
        for worker in farm:
            for number in worker.advance(seconds):
                finished[number] = now

    for number, work in enumerate(works):
        if number < len(running):
            farm[work.worker % workers].begin(number, work)
            continue
        while not (ready := [worker for worker in farm if worker.can_begin(work)]):
            advance()
        min(ready, key=lambda worker: worker.count).begin(number, work)
    while any(worker.count for worker in farm):
        advance()
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
