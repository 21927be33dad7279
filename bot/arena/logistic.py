"""Bayesian logistic regression: the posterior taken as normal at its mode (Laplace)."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from bot.arena.ballots import Floats


def fit_posterior(x: Floats, votes: Floats, mean: Floats, precision: Floats) -> tuple[Floats, Floats]:
    """Return the posterior mode [k] and covariance [k, k] of a logistic regression on outcomes that are 1.

    x [n, k]: each row's features.  votes [n]: the row's weight, 0 or more.  mean, precision [k]: of the
    independent normal priors.
    """

    def loss(beta: Floats) -> float:
        return float(
            (votes * np.logaddexp(0, -(x @ beta))).sum() + 0.5 * (precision * (beta - mean) ** 2).sum()
        )

    beta = mean.copy()
    for _ in range(100):
        chance = expit(x @ beta)
        gradient = x.T @ (votes * (1 - chance)) - precision * (beta - mean)
        hessian = (x.T * (votes * chance * (1 - chance))) @ x + np.diag(precision)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-6 and loss(beta + size * step) > loss(beta):
            size /= 2
        beta = beta + size * step
        if np.abs(step).max() < 1e-10:
            break
    chance = expit(x @ beta)
    hessian = (x.T * (votes * chance * (1 - chance))) @ x + np.diag(precision)
    return beta, np.linalg.inv(hessian)
