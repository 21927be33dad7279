"""Position bias: whether side A wins more often, whichever mode is there."""

from __future__ import annotations

import numpy as np

from bot.arena.ballots import A, Ballots, distinct
from bot.arena.clusters import clustered_contrast
from bot.arena.results import MIN_DUELS, MIN_PEOPLE, SideBias
from bot.arena.winrate import clustered_share


def side_bias(ballots: Ballots) -> SideBias:
    """Return A's share of the decisive votes when both modes stand on A equally often.

    That is the intercept of  A won = β₀ + β₁·s,  s = ±1 for diffusion on A or B: the plain average of
    A's share with diffusion there and A's share without, so that a better mode is no side bias. Its interval
    is the win rate's kind.
    """
    mask = ballots.decisive
    votes = int(mask.sum())
    s = np.where(ballots.diffusion_side[mask] == A, 1.0, -1.0)
    people, duels = distinct(ballots.voter[mask]), distinct(ballots.duel[mask])
    if votes < 3 or abs(s.sum()) == votes:
        return SideBias(rate=None, low=0.0, high=1.0, votes=votes)
    x = np.stack([np.ones(votes), s], axis=1)
    won = (ballots.choice[mask] == A).astype(np.float64)
    share = clustered_share(
        clustered_contrast(x, won, np.array([1.0, 0.0]), ballots.voter[mask], ballots.duel[mask])
    )
    enough = people >= MIN_PEOPLE and duels >= MIN_DUELS
    return SideBias(
        rate=share.value, low=share.low if enough else 0.0, high=share.high if enough else 1.0, votes=votes
    )
