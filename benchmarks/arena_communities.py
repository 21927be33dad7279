"""Simulated communities with a known truth, whose members and duels each hang together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from bot.arena.ballots import Floats, Ints

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(61)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True, slots=True)
class Community:
    """A random community: diffusion wins a vote with probability expit(μ + person + duel ± side).

    people, duels: how many.  voters: mean number of voters of a duel, 1 + Poisson, drawn by activity.
    activity: standard deviation of log activity; 0 is everybody alike, 1 has a few heavy voters, 2 very few.
    rate: the true win rate over all people, duels and sides; μ follows from it.
    person, duel: standard deviations in logits.  side: what standing on A is worth, in logits.
    """

    people: int
    duels: int
    voters: float
    rate: float
    person: float
    duel: float
    activity: float = 1.0
    side: float = 0.3

    @property
    def mu(self) -> float:
        """Return μ, solved so that the marginal win rate is `rate`."""
        return float(brentq(lambda mu: self._marginal(mu) - self.rate, -12, 12))

    def _marginal(self, mu: float) -> float:
        sd = (self.person**2 + self.duel**2) ** 0.5
        return float(np.mean([(_WEIGHTS * expit(mu + s * self.side + sd * _NODES)).sum() for s in (-1, 1)]))

    def draw(self, rng: np.random.Generator, mu: float) -> tuple[Floats, Ints, Ints, Floats]:
        """Return diffusion won, person, duel, and side (±1: diffusion on A or B) of every vote, each [n]."""
        activity = np.exp(self.activity * rng.standard_normal(self.people))
        voters = np.minimum(self.people, 1 + rng.poisson(self.voters - 1, self.duels))
        # Exponential races give weighted draws without replacement.
        finish = (rng.exponential(size=(self.duels, self.people)) / activity).argsort(axis=1)
        duel, index = np.nonzero(np.arange(self.people) < voters[:, None])
        person = finish[duel, index]
        side = rng.choice([-1.0, 1.0], self.duels)[duel]
        logits = (
            mu
            + self.person * rng.standard_normal(self.people)[person]
            + self.duel * rng.standard_normal(self.duels)[duel]
            + self.side * side
        )
        return (rng.random(len(duel)) < expit(logits)).astype(np.float64), person, duel, side
