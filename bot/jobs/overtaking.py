"""How much longer a clip waits than the queue before it says, as later requests overtake it. Pure functions.

The fair order of the queue lets members who had less come first, so the work that stands before a clip at its
request is not all that is rendered before it. How much is added is learned from what was claimed lately: for
each of those jobs, which of the jobs that were requested after it were claimed before it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

NEAREST = 30
"""So many jobs of the same class, with the most similar work before them, decide."""
FEWEST = 5
"""Below so many of them, nothing is added."""
PRIOR_JOBS = 1
"""For how many jobs the expectation counts that nobody comes before."""
MAX_ROUND = 3
"""Jobs of a member of whom at least so many others wait before it are one class."""
KNOWN_SECONDS = 1.0
"""Below this, the clip is about to begin, and nobody comes before it."""
_FLOOR = 2.0
"""Seconds added to both sides of a ratio, so that very short waits weigh no more than they matter."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that was claimed. seconds: from its claim to its end. Times are Unix seconds.

    newcomer: whether it waited in the turn that the newcomers of its server share.
    """

    user_id: int
    newcomer: bool
    created_at: float
    claimed_at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Seconds until a claim: the median, and the range that four of five jobs fall into."""

    seconds: float
    low: float
    high: float


class Overtaking:
    """What the jobs of a machine that were claimed lately say about waits.

    claimed: newest first.  parallel: how many clips are rendered at once, of which a later one delays an
    earlier one by its share alone.
    """

    def __init__(self, claimed: Sequence[Claimed] = (), parallel: int = 1) -> None:
        ratios: dict[tuple[bool, int], list[tuple[float, float]]] = defaultdict(list)
        rounds = _rounds(claimed)
        for job, overtaken, before in zip(claimed, _overtaken(claimed), rounds, strict=True):
            waited = job.claimed_at - job.created_at
            known = max(waited - overtaken / parallel, 0.0)
            # Who did not wait could not be overtaken.
            if waited >= KNOWN_SECONDS / 2:
                key = job.newcomer, min(before, MAX_ROUND)
                ratios[key].append((math.log(known + _FLOOR), math.log((waited + _FLOOR) / (known + _FLOOR))))
        self._classes = {key: _Class(found) for key, found in ratios.items() if len(found) >= FEWEST}

    def wait(self, known: float, before: int, *, newcomer: bool) -> Wait:
        """Return how long a job waits.

        known: seconds of work before it in the queue.  before: how many jobs of its member wait before it.
        """
        found = self._classes.get((newcomer, min(before, MAX_ROUND)))
        if known < KNOWN_SECONDS or found is None:
            return Wait(known, known, known)
        low, median, high = (
            max((known + _FLOOR) * math.exp(ratio) - _FLOOR, known) for ratio in found.near(known)
        )
        return Wait(median, low, high)


class _Class:
    """The ratios of waits, as logarithms, by the logarithm of the work before."""

    def __init__(self, found: list[tuple[float, float]]) -> None:
        # By the work before alone: of those alike, the first ones given are the nearest, not the lowest.
        ordered = sorted(found, key=lambda one: one[0])
        self._known = [known for known, _ in ordered]
        self._ratios = [ratio for _, ratio in ordered]
        self._near: dict[int, tuple[float, float, float]] = {}

    def near(self, known: float) -> tuple[float, float, float]:
        """Return the 10th percentile, the shrunken median and the 90th of the nearest."""
        at = math.log(known + _FLOOR)
        first = min(max(bisect_left(self._known, at) - NEAREST // 2, 0), max(len(self._known) - NEAREST, 0))
        if first not in self._near:
            ratios = sorted(self._ratios[first : first + NEAREST])
            last = len(ratios) - 1
            median = ratios[last // 2] * len(ratios) / (len(ratios) + PRIOR_JOBS)
            self._near[first] = min(ratios[last // 10], median), median, ratios[last - last // 10]
        return self._near[first]


def _overtaken(claimed: Sequence[Claimed]) -> list[float]:
    """Return for each job the seconds of those that were requested after it and claimed before it.

    claimed: newest request first. By a binary indexed tree over the requests (Fenwick 1994), in O(n log n).
    """
    tree = [0.0] * (len(claimed) + 1)
    total, overtaken = 0.0, [0.0] * len(claimed)
    for index in sorted(range(len(claimed)), key=lambda one: claimed[one].claimed_at):
        job = claimed[index]
        rank = len(claimed) - index
        earlier, at = 0.0, rank
        while at:
            earlier += tree[at]
            at -= at & -at
        overtaken[index] = max(total - earlier, 0.0)
        total += job.seconds
        at = rank
        while at < len(tree):
            tree[at] += job.seconds
            at += at & -at
    return overtaken


def _rounds(claimed: Sequence[Claimed]) -> list[int]:
    """Return for each job how many earlier ones of its member were not claimed yet when it was requested.

    claimed: newest request first.
    """
    claims_before: dict[int, list[float]] = defaultdict(list)
    rounds = []
    for job in reversed(claimed):
        claims = claims_before[job.user_id]
        rounds.append(sum(claim > job.created_at for claim in claims))
        claims.append(job.claimed_at)
    return rounds[::-1]
