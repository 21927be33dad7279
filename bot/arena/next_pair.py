"""The next pair of a series of duels: that whose vote is expected to tell most about the best contender.

Model: Bradley–Terry with independent normal priors on the utilities, P(i beats j) = expit(u_i − u_j), the
posterior taken as normal at its mode. Votes of one duel repeat one another, so each is weighted down by the
planned design effect. The gain of a pair is the mutual information of its vote and the best contender,
I(vote; best) = H(vote) − H(vote | best), over draws from the posterior (Lindley, On a Measure of the
Information Provided by an Experiment, Ann. Math. Statist. 27, 1956; aimed at the best as by Russo and Van
Roy, Learning to Optimize via Information-Directed Sampling, Operations Research 66, 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import entr, expit

from bot.arena.ballots import Floats
from bot.arena.logistic import fit_posterior
from bot.arena.power import PLANNED_DESIGN_EFFECT

UTILITY_SD = 1.0 / 2**0.5
"""Standard deviation of a utility's prior in logits; the difference of two has 1."""
DRAWS = 4_000


@dataclass(frozen=True, slots=True)
class Standings:
    """What the votes of a series say of its contenders.

    mean [m]: utilities in logits, their mean being 0.  draws [DRAWS, m]: from the posterior of the utilities.
    """

    mean: Floats
    draws: Floats

    @property
    def best(self) -> Floats:
        """The probability of each contender that it is the best one, [m], summing to 1."""
        m = self.draws.shape[1]
        return np.bincount(self.draws.argmax(axis=1), minlength=m) / len(self.draws)

    def gains(self) -> Floats:
        """Return the expected information of one vote on each pair about the best, in nats [m, m], ≥ 0.

        Symmetric, with a diagonal of 0.
        """
        m = self.draws.shape[1]
        won = expit(self.draws[:, :, None] - self.draws[:, None, :])
        best = self.draws.argmax(axis=1)
        gain = entropy(won.mean(axis=0))
        for arm in range(m):
            here = best == arm
            if here.any():
                gain = gain - here.mean() * entropy(won[here].mean(axis=0))
        np.fill_diagonal(gain, 0.0)
        return np.maximum(gain, 0.0)

    def next_pair(self) -> tuple[int, int]:
        """Return the two contenders, numbered from 0, in order, whose vote is expected to tell most."""
        gains = self.gains()
        first, second = divmod(int(np.triu(gains, 1).argmax()), len(gains))
        # Where nothing is left to learn every gain is 0, and argmax is the pair (0, 0).
        return (first, second) if first != second else (0, 1)


def standings(wins: Floats, seed: int) -> Standings:
    """Return the posterior from wins [m, m], m ≥ 2: the votes of a row over a column. seed: of the draws."""
    m = len(wins)
    winner, loser = np.nonzero(wins)
    x = np.zeros((len(winner), m))
    rows = np.arange(len(winner))
    x[rows, winner] = 1
    x[rows, loser] = -1
    votes = wins[winner, loser] / PLANNED_DESIGN_EFFECT
    fit = fit_posterior(x, votes, np.zeros(m), np.full(m, UTILITY_SD**-2.0))
    rng = np.random.default_rng(seed)
    draws = rng.multivariate_normal(fit.mode, fit.covariance, size=DRAWS, method="eigh")
    return Standings(fit.mode - fit.mode.mean(), draws)


def entropy(chance: Floats) -> Floats:
    """Return the entropy of votes won with these chances, in nats."""
    return np.asarray(entr(chance) + entr(1 - chance))
