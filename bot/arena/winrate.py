"""The share of decisive votes that diffusion won, with an interval that knows whose votes they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bot.arena.ballots import Ballots, Bools, distinct
from bot.arena.clusters import Clustered, clustered_mean, quantile, share_interval, wilson
from bot.arena.results import MIN_DUELS, MIN_PEOPLE, Conclusion, WinRate

MARGIN = 0.05
"""Five points: a rate wholly within 45 to 55 % is called even."""


_NO_VARIANCE = 1e-16
"""One dissenting vote in ten million leaves more."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share of votes, 0 to 1, with its 95 % interval; effective_votes independent ones say as much."""

    value: float
    low: float
    high: float
    effective_votes: float
    df: float


def clustered_share(fit: Clustered) -> Share:
    """Return the interval of a share from its fit.

    Unanimous votes tell nothing of how they hang together; they are then taken as copies of one another.
    """
    # Rounding off what is left of floating-point sums, so that a unanimous share is 0 or 1.
    value = min(1.0, max(0.0, round(fit.value, 12)))
    unanimous = fit.variance < _NO_VARIANCE or not 0 < value < 1
    if unanimous:
        votes, df = 1 / fit.dependent, fit.df_dependent
        low, high = wilson(value, votes, quantile(df))
    else:
        votes, df = value * (1 - value) / fit.variance, fit.df
        low, high = share_interval(value, fit.variance, df)
    return Share(value, low, high, votes, df)


def win_rate(ballots: Ballots, where: Bools | None = None) -> WinRate:
    """Return the win rate over all votes on one mode against the other, or over those of a mask [n].

    It is the plain share: the average over votes, in which a busy voter weighs more. Its interval
    respects that, and is for communities that go on as they are, new people and new duels included.
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
    """Return what an interval allows to say."""
    if low >= 0.5 - MARGIN and high <= 0.5 + MARGIN:
        return Conclusion.EVEN
    if low > 0.5:
        return Conclusion.DIFFUSION
    if high < 0.5:
        return Conclusion.AR
    return Conclusion.NOT_YET_KNOWN
