"""Wilson's score interval for a proportion. Pure Python: the bot's own process rates presets with it."""

from __future__ import annotations

import math

Z_95 = 1.959963984540054
"""The normal distribution's quantile for a two-sided confidence of 95 %."""


def wilson_interval(share: float, votes: float, z: float = Z_95) -> tuple[float, float]:
    """Return Wilson's interval for a share, 0 to 1, observed in `votes` > 0 independent votes.

    The ends are the rates p at which the observed share lies z standard errors √(p(1 − p)/votes) away. So the
    standard error is that of the hypothesis, not of the estimate: the interval stays within 0 and 1 and keeps
    its coverage for few votes and for shares near 0 or 1, where the Wald interval collapses.
    Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22 (1927), 209-212.

    votes: may be an effective number, a fraction.  z: the quantile, Student's t where that is estimated.
    """
    scale = 1 + z**2 / votes
    middle = (share + z**2 / (2 * votes)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / votes + z**2 / (4 * votes**2))
    return max(0.0, middle - half), min(1.0, middle + half)
