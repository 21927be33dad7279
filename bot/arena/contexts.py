"""The Bayesian Bradley–Terry model with contexts, of `mode:auto` and of the rankings on each tag.

P(i beats j on a prompt) = expit(u_i − u_j), where an arm's utility u is linear in what it is and what the
prompt is about: one weight for its mode, one for its model, and one for each pair of its mode or model with a
tag or length band of the prompt. The weights have independent normal priors; the posterior is taken as normal
at its mode (Laplace).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from bot.arena.ballots import A, B, Ballots, Floats
from bot.arena.breakdown import length_band
from bot.arena.logistic import Laplace, fit_posterior
from bot.arena.power import PLANNED_DESIGN_EFFECT
from bot.arena.votes import Arm
from bot.arena.winrate import win_rate

MODE_SD = 1.0 / 2**0.5
MODEL_SD = 0.5 / 2**0.5
FEATURE_SD = 0.5 / 2**0.5
"""Standard deviations, in logits, of the priors on an arm's mode, its model, and each of them on one tag or
length band. The difference of two arms has √2 times as much."""

Weight = tuple[str, ...]
"""The name of a weight: (mode,), (mode, feature), ("", mode, model) or ("", mode, model, feature)."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """A normal posterior of the utilities of arms on one prompt. mean [arms], covariance [arms, arms]."""

    arms: tuple[Arm, ...]
    mean: Floats
    covariance: Floats

    def draw(self, seed: int, size: int) -> Floats:
        """Return draws of the utilities [size, arms]; the same seed gives the same draws."""
        rng = np.random.default_rng(seed)
        return rng.multivariate_normal(self.mean, self.covariance, size=size, method="eigh")


@dataclass(slots=True)
class Design:
    """The decisive votes as rows of a regression on weights. Votes alike are one row.

    met: each row's columns of the winner and of the loser.  votes [rows]: how many independent votes it has.
    column: the column of each weight that occurs.
    """

    met: list[tuple[list[int], list[int]]] = field(default_factory=list)
    votes: Floats = field(default_factory=lambda: np.zeros(0))
    column: dict[Weight, int] = field(default_factory=dict)

    @classmethod
    def of(cls, ballots: Ballots) -> Self:
        """Build from the votes, weighted down by the whole's design effect, as they repeat one another."""
        made = cls()
        decided = (ballots.choice <= B) & (ballots.arm_a != ballots.arm_b)
        a_won = ballots.choice[decided] == A
        winner = np.where(a_won, ballots.arm_a[decided], ballots.arm_b[decided])
        loser = np.where(a_won, ballots.arm_b[decided], ballots.arm_a[decided])
        lengths = {float(s): length_band(float(s)) for s in np.unique(ballots.seconds[decided])}
        bands = sorted(set(lengths.values()))
        band_of = {length: bands.index(name) for length, name in lengths.items()}
        band = np.array([band_of[float(s)] for s in ballots.seconds[decided]], dtype=np.int64)
        rows, votes = np.unique(
            np.stack([winner, loser, ballots.tag_set[decided], band]), axis=1, return_counts=True
        )
        for w, x, t, b in rows.T.tolist():
            features = (*ballots.tag_sets[t], bands[b])
            made.met.append(
                (made.columns(ballots.arms[w], features), made.columns(ballots.arms[x], features))
            )
        made.votes = votes * _effective(ballots)
        return made

    def columns(self, arm: Arm, features: Iterable[str]) -> list[int]:
        """Return the columns of an arm's weights on a prompt with these tags and this length band."""
        model = ("", arm.mode.value, arm.model)
        names: list[Weight] = [(arm.mode.value,), model]
        for feature in features:
            names += [(arm.mode.value, feature), (*model, feature)]
        return [self.column.setdefault(name, len(self.column)) for name in names]

    def fit(self, means: Mapping[Weight, float], feature_sd: float = FEATURE_SD) -> Laplace:
        """Return the posterior of the weights that have a column by now.

        means: of the priors that are not around 0.  feature_sd: in place of FEATURE_SD.
        """
        x = np.zeros((len(self.met), len(self.column)))
        for row, (won, lost) in enumerate(self.met):
            x[row, won] += 1
            x[row, lost] -= 1
        mean = np.array([means.get(name, 0.0) for name in self.column])
        sd = np.array([_prior_sd(name, feature_sd) for name in self.column])
        return fit_posterior(x, self.votes, mean, sd**-2.0)

    @staticmethod
    def utilities(arms: Sequence[Arm], columns: Sequence[Sequence[int]], fit: Laplace) -> Posterior:
        """Return the posterior of arms' utilities. columns: of each arm's weights, known before the fit."""
        z = np.zeros((len(arms), len(fit.mode)))
        for row, of_arm in enumerate(columns):
            z[row, of_arm] = 1
        return Posterior(tuple(arms), z @ fit.mode, z @ fit.covariance @ z.T)


def _prior_sd(name: Weight, feature_sd: float) -> float:
    if name[0]:
        return MODE_SD if len(name) == 1 else feature_sd
    return MODEL_SD if len(name) == 3 else feature_sd


def _effective(ballots: Ballots) -> float:
    """Return how many independent votes one vote is worth, at most 1."""
    overall = win_rate(ballots)
    if overall.counts.decisive and overall.effective_votes:
        return min(1.0, overall.effective_votes / overall.counts.decisive)
    return 1 / PLANNED_DESIGN_EFFECT
