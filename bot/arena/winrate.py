"""The share of decisive votes that diffusion won, with a confidence interval for clustered votes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bot.arena.ballots import Ballots, Bools, distinct
from bot.arena.clusters import Clustered, clustered_mean, quantile, share_interval
from bot.arena.results import MIN_DUELS, MIN_PEOPLE, Conclusion, WinRate
from bot.arena.wilson import wilson_interval

MARGIN = 0.05
"""Equivalence margin: an interval wholly within 45 to 55 % is called even."""

_NO_VARIANCE = 1e-16
"""Below this the votes are unanimous but for rounding; one dissenting vote in ten million has more."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share of votes, 0 to 1, with its 95 % interval.

    effective_votes: the number of independent votes that would have the same variance.
    """

    value: float
    low: float
    high: float
    effective_votes: float
    df: float


def clustered_share(fit: Clustered) -> Share:
    """Return the interval of a share from its fit.

    Unanimous votes have no residuals, so their correlation cannot be estimated; the worst case is assumed,
    that all votes of a person, and all on a duel, are copies of one another.
    """
    # Rounded, so that floating-point sums leave a unanimous share at exactly 0 or 1.
    value = min(1.0, max(0.0, round(fit.value, 12)))
    unanimous = fit.variance < _NO_VARIANCE or not 0 < value < 1
    if unanimous:
        votes, df = 1 / fit.dependent, fit.df_dependent
        low, high = wilson_interval(value, votes, quantile(df))
    else:
        votes, df = value * (1 - value) / fit.variance, fit.df
        low, high = share_interval(value, fit.variance, df)
    return Share(value, low, high, votes, df)


def win_rate(ballots: Ballots, where: Bools | None = None) -> WinRate:
    """Return the win rate over all votes on one mode against the other, or over those of a mask [n].

    The rate is the mean over votes, so a frequent voter weighs more, and the interval accounts for it. The
    interval is for the population of people and duels that these are a sample of, not for these alone.
    """
    counts = ballots.counts(where)
    mask = ballots.decisive if where is None else ballots.decisive & where
    people, duels = distinct(ballots.voter[mask]), distinct(ballots.duel[mask])
    if people < MIN_PEOPLE or duels < MIN_DUELS:
        return WinRate(
            counts=counts,
            people=people,
            duels=duels,
            rate=counts.diffusion / counts.decisive if counts.decisive else None,
            low=0.0,
            high=1.0,
            effective_votes=0.0,
            df=0.0,
            spread=None,
            conclusion=Conclusion.TOO_FEW,
        )
    won = ballots.diffusion_won[mask].astype(np.float64)
    fit = clustered_mean(won, ballots.voter[mask], ballots.duel[mask])
    share = clustered_share(fit)
    return WinRate(
        counts=counts,
        people=people,
        duels=duels,
        rate=share.value,
        low=share.low,
        high=share.high,
        effective_votes=share.effective_votes,
        df=share.df,
        spread=fit.spread,
        conclusion=conclusion(share.low, share.high),
    )


def conclusion(low: float, high: float) -> Conclusion:
    """Return the statement that an interval permits."""
    if low >= 0.5 - MARGIN and high <= 0.5 + MARGIN:
        return Conclusion.EVEN
    if low > 0.5:
        return Conclusion.DIFFUSION
    if high < 0.5:
        return Conclusion.AR
    return Conclusion.NOT_YET_KNOWN
