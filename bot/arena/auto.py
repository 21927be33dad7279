"""Preference model for the choice of a mode: the probability that each mode wins on a prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from bot.arena.ballots import Ballots, Floats
from bot.arena.breakdown import length_band
from bot.arena.power import PLANNED_DESIGN_EFFECT
from bot.arena.table import VoteTable
from bot.arena.votes import Vote
from bot.arena.winrate import win_rate
from bot.recipe import Mode

INTERCEPT_SD = 1.0
FEATURE_SD = 0.5
"""Standard deviations, in logits, of the normal priors on the whole and on each tag and length band."""


@dataclass(frozen=True, slots=True)
class Preference:
    """A fitted logistic model: logit P(diffusion wins) = intercept + Σ weights of the features present."""

    intercept: float
    weights: Mapping[str, float]

    def probabilities(self, tags: Iterable[str], seconds: float) -> dict[Mode, float]:
        """Return the probability that each mode's clip wins, for a prompt with these tags; they sum to 1.

        Unknown tags have weight 0.
        """
        features = {*tags, length_band(seconds)}
        logit = self.intercept + sum(self.weights.get(name, 0.0) for name in sorted(features))
        diffusion = float(expit(logit))
        return {Mode.AR: 1 - diffusion, Mode.DIFFUSION: diffusion}


def mode_probabilities(
    votes: Iterable[Vote] | VoteTable, tags: Iterable[str], seconds: float
) -> dict[Mode, float]:
    """Return the probability that each mode wins on a prompt with these tags at this length, from votes.

    Without votes it is ½ each. Raises ValueError as Ballots.of does.
    """
    return preference(Ballots.of(votes)).probabilities(tags, seconds)


def preference(ballots: Ballots) -> Preference:
    """Fit a ridge logistic regression of who won on the prompts' tags and length bands.

    Votes are weighted down by the whole's design effect, as they repeat one another; the priors keep
    rare tags near the whole.
    """
    decisive = ballots.decisive
    if not decisive.any():
        return Preference(0.0, {})
    bands = sorted({length_band(float(seconds)) for seconds in np.unique(ballots.seconds[decisive])})
    tags = sorted(frozenset[str]().union(*ballots.tag_sets))
    names = [*tags, *bands]
    column = {name: i for i, name in enumerate(names)}
    seconds, at = np.unique(ballots.seconds[decisive], return_inverse=True)
    band = np.array([column[length_band(float(value))] for value in seconds])[at]
    rows, row = np.unique(np.stack([ballots.tag_set[decisive], band]), axis=1, return_inverse=True)
    x = np.zeros((rows.shape[1], 1 + len(names)))
    x[:, 0] = 1
    for i, (tag_set, one_band) in enumerate(rows.T):
        x[i, [1 + column[tag] for tag in ballots.tag_sets[tag_set]]] = 1
        x[i, 1 + one_band] = 1
    votes = np.bincount(row.ravel()).astype(np.float64)
    wins = np.bincount(row.ravel(), ballots.diffusion_won[decisive])
    overall = win_rate(ballots)
    effective = min(1.0, overall.effective_votes / overall.counts.decisive) or 1 / PLANNED_DESIGN_EFFECT
    prior = np.array([INTERCEPT_SD, *[FEATURE_SD] * len(names)]) ** -2.0
    beta = _ridge(x, wins * effective, votes * effective, prior)
    return Preference(float(beta[0]), dict(zip(names, beta[1:].tolist(), strict=True)))


def _ridge(x: Floats, wins: Floats, votes: Floats, precision: Floats) -> Floats:
    """Return the posterior mode of a logistic regression with normal priors of these precisions [k]."""

    def loss(beta: Floats) -> float:
        logit = x @ beta
        return float(
            (votes * np.logaddexp(0, logit) - wins * logit).sum() + 0.5 * (precision * beta**2).sum()
        )

    beta = np.zeros(x.shape[1])
    for _ in range(100):
        chance = expit(x @ beta)
        gradient = x.T @ (wins - votes * chance) - precision * beta
        hessian = (x.T * (votes * chance * (1 - chance))) @ x + np.diag(precision)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-6 and loss(beta + size * step) > loss(beta):
            size /= 2
        beta = beta + size * step
        if np.abs(step).max() < 1e-10:
            break
    return beta
