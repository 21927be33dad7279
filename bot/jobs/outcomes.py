"""How far estimates from the queue alone are off on this machine, as its last jobs tell. Pure functions.

Members who had less come first, so later requests overtake earlier ones; renders take longer or shorter than
most; a paused queue, a worker that dies. None of it is in the queue at the time of a request. For each job
that is stored with its estimate, the ratio of the time that it took to the estimate holds all of it together.
The quantiles of the ratios of similar jobs are those of the next one, as far as it is exchangeable with them
(split conformal prediction, Vovk et al. 2005, Lei et al. 2018).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bot.jobs.durations import Duration

NEAREST = 40
"""So many jobs of the same class, with the most similar estimates, decide."""
FEWEST = 8
"""Below so many of them, a class is taken together with the others of ordinary members or of newcomers."""
TAIL = 0.075
"""Share of the ratios left out at each end of the range. Less than a tenth, since ratios lag behind the
queue, so a range of four fifths of them holds fewer of the next ones."""
PRIOR_JOBS = 2
"""For how many jobs the estimate from the queue counts that it is right."""
MAX_BEFORE = 3
"""Jobs of a member of whom at least so many others wait before it are one class."""
_FLOOR = 2.0
"""Seconds added to both sides of a ratio, so that very short waits weigh no more than they matter."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A delivered job. expected, took: seconds from request to delivery, by the queue at its time, and real.

    newcomer: whether it waited in the turn that the newcomers of its server share.
    before: how many jobs of its member waited before it.
    """

    newcomer: bool
    before: int
    expected: float
    took: float


class Outcomes:
    """The ratios of the jobs that were delivered lately, by class."""

    def __init__(self, outcomes: Sequence[Outcome] = ()) -> None:
        classes: dict[tuple[bool, int | None], list[Outcome]] = defaultdict(list)
        for one in outcomes:
            classes[one.newcomer, min(one.before, MAX_BEFORE)].append(one)
            classes[one.newcomer, None].append(one)
        self._classes = {key: _Class(found) for key, found in classes.items() if len(found) >= FEWEST}

    def corrected(self, expected: Duration, before: int, *, newcomer: bool) -> Duration:
        """Return an estimate from the queue with what similar ones came to; the same where none is known."""
        key = newcomer, min(before, MAX_BEFORE)
        found = self._classes.get(key) or self._classes.get((newcomer, None))
        if found is None:
            return expected
        seconds, low, high = (
            max((expected.seconds + _FLOOR) * math.exp(ratio) - _FLOOR, 0.0)
            for ratio in found.near(expected.seconds)
        )
        return Duration(seconds, low, high)


class _Class:
    """The ratios of one class, as logarithms, by the logarithm of the estimate."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        ordered = sorted(outcomes, key=lambda one: one.expected)
        self._expected = [one.expected for one in ordered]
        self._ratios = [math.log((one.took + _FLOOR) / (one.expected + _FLOOR)) for one in ordered]
        self._near: dict[int, tuple[float, float, float]] = {}

    def near(self, expected: float) -> tuple[float, float, float]:
        """Return the shrunken median of the nearest jobs' ratios, and the ends of their range."""
        middle = (bisect_left(self._expected, expected) + bisect_right(self._expected, expected)) // 2
        first = min(max(middle - NEAREST // 2, 0), max(len(self._expected) - NEAREST, 0))
        if first not in self._near:
            ratios = sorted(self._ratios[first : first + NEAREST])
            count = len(ratios)
            median = ratios[(count - 1) // 2] * count / (count + PRIOR_JOBS)
            # Of n exchangeable ratios, the next one lies below the k-th with a probability of k / (n + 1).
            rank = max(int(TAIL * (count + 1)), 1)
            self._near[first] = median, min(ratios[rank - 1], median), max(ratios[count - rank], median)
        return self._near[first]
