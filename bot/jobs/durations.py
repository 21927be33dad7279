"""How long clips take on this machine, learned from those that it made. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

NEAREST = 20
"""So many clips of the most similar lengths decide."""
SIMILAR, MAX_SIMILAR = 1.1, 100
"""More of them, up to this number, where their lengths differ by no more than this factor: with a spread of
20 % the median of 20 is off by 6 %, that of 100 by 2.5 %."""
PRIOR_CLIPS = 1
"""For how many clips the expectation before any was made counts."""
UNKNOWN_SPREAD = 0.5
"""Half the width of the range, as a logarithm, where fewer than five clips tell: from 0.6 to 1.6 times."""


@dataclass(frozen=True, slots=True)
class Duration:
    """Seconds from claim to delivery: the median, and the range that four of five clips fall into."""

    seconds: float
    low: float
    high: float


def expected_duration(history: Sequence[tuple[float, float]], seconds: float, prior: float) -> Duration:
    """Return how long a clip of `seconds` takes.

    history: (seconds of audio, seconds that it took) of clips of the same model and task.
    prior: seconds expected before any was made.

    The median of the logarithms of the nearest clips' durations, each scaled to the length, is robust against
    clips that waited for a model to load; the prior counts as PRIOR_CLIPS more, so that one odd clip decides
    little. The range is that of the 10th to the 90th percentile.
    """
    usable = [(audio, took) for audio, took in history if audio > 0 and took > 0]
    similar = sum(seconds / SIMILAR <= audio <= seconds * SIMILAR for audio, _ in usable)
    by_length = sorted(usable, key=lambda one: abs(math.log(one[0] / seconds)))
    nearest = by_length[: max(NEAREST, min(similar, MAX_SIMILAR))]
    logs = sorted(math.log(took * seconds / audio) for audio, took in nearest)
    if not logs:
        return _around(math.log(prior), -UNKNOWN_SPREAD, UNKNOWN_SPREAD)
    median = _quantile(logs, 0.5)
    centre = (len(logs) * median + PRIOR_CLIPS * math.log(prior)) / (len(logs) + PRIOR_CLIPS)
    if len(logs) < 5:
        return _around(centre, -UNKNOWN_SPREAD, UNKNOWN_SPREAD)
    return _around(centre, _quantile(logs, 0.1) - median, _quantile(logs, 0.9) - median)


def _around(centre: float, below: float, above: float) -> Duration:
    return Duration(math.exp(centre), math.exp(centre + below), math.exp(centre + above))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of ordered values, interpolated between neighbours."""
    at = share * (len(ordered) - 1)
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])
