"""How long clips take on this machine, learned from those that it made. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bot.store.clips import Pace

NEAREST = 20
"""So many clips of the most similar lengths decide."""
SIMILAR, MAX_SIMILAR = 1.1, 100
"""More of them, up to this number, where their lengths differ by no more than this factor: with a spread of
20 % the median of 20 is off by 6 %, that of 100 by 2.5 %."""
PRIOR_CLIPS = 1
"""For how many clips the expectation before any was made counts."""
UNKNOWN_SPREAD = 0.5
"""Half the width of the range, as a logarithm, where fewer than five clips tell: from 0.6 to 1.6 times."""
PRIOR_SLOWDOWN = 0.3
"""What each further clip beside it adds to a clip's time: MusicGen-small on two threads has 0.26 to 0.33 with
eight (`benchmarks/ar_decode.py --only slots`)."""
SLOWDOWNS = tuple(step / 20 for step in range(31))
"""Those considered. Above 1 clips beside each other take longer than one after another."""


@dataclass(frozen=True, slots=True)
class Duration:
    """Seconds from claim to delivery: the median, and the range that four of five clips fall into."""

    seconds: float
    low: float
    high: float

    @property
    def width(self) -> float:
        """Half the width of the range."""
        return (self.high - self.low) / 2


def expected_duration(
    history: Sequence[Pace], seconds: float, prior: float, slowdown: float = 0.0
) -> Duration:
    """Return how long a clip of `seconds` takes with no other beside it.

    history: clips of the same model and task.  prior: seconds expected before any was made.
    slowdown: what each further clip beside it adds, as a share.

    The median of the logarithms of the nearest clips' durations, each scaled to the length and to a
    concurrency of one, is robust against clips that waited for a model to load; the prior counts as
    PRIOR_CLIPS more, so that one odd clip decides little. The range is from the 10th to the 90th percentile.
    """
    usable = _usable(history)
    similar = sum(seconds / SIMILAR <= made.seconds <= seconds * SIMILAR for made in usable)
    by_length = sorted(usable, key=lambda made: abs(math.log(made.seconds / seconds)))
    nearest = by_length[: max(NEAREST, min(similar, MAX_SIMILAR))]
    logs = sorted(
        math.log(made.took * seconds / made.seconds / slowed(slowdown, made.concurrency)) for made in nearest
    )
    if not logs:
        return _around(math.log(prior), -UNKNOWN_SPREAD, UNKNOWN_SPREAD)
    median = _quantile(logs, 0.5)
    centre = (len(logs) * median + PRIOR_CLIPS * math.log(prior)) / (len(logs) + PRIOR_CLIPS)
    if len(logs) < 5:
        return _around(centre, -UNKNOWN_SPREAD, UNKNOWN_SPREAD)
    return _around(centre, _quantile(logs, 0.1) - median, _quantile(logs, 0.9) - median)


def slowed(slowdown: float, concurrency: float) -> float:
    """Return how many times as long a clip takes where `concurrency` clips are rendered at once."""
    return 1 + slowdown * (concurrency - 1)


def learned_slowdown(history: Sequence[Pace]) -> float:
    """Return what each further clip beside it adds to a clip's time, as a share: one of SLOWDOWNS.

    The one with which the clips' times for a second of audio differ the least from their median, in
    logarithms; PRIOR_SLOWDOWN counts as PRIOR_CLIPS with one clip beside.
    """
    usable = _usable(history)
    if all(made.concurrency == 1 for made in usable):
        return PRIOR_SLOWDOWN
    rates = [(math.log(made.took / made.seconds), made.concurrency) for made in usable]

    def disagreement(slowdown: float) -> float:
        logs = sorted(rate - math.log(slowed(slowdown, concurrency)) for rate, concurrency in rates)
        median = _quantile(logs, 0.5)
        from_prior = abs(math.log(slowed(slowdown, 2) / slowed(PRIOR_SLOWDOWN, 2)))
        return sum(abs(log - median) for log in logs) + PRIOR_CLIPS * from_prior

    return min(SLOWDOWNS, key=disagreement)


def _usable(history: Sequence[Pace]) -> list[Pace]:
    return [made for made in history if made.seconds > 0 and made.took > 0 and made.concurrency >= 1]


def _around(centre: float, below: float, above: float) -> Duration:
    return Duration(math.exp(centre), math.exp(centre + below), math.exp(centre + above))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of ordered values, interpolated between neighbours."""
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])
