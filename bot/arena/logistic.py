"""Bayesian logistic regression: the posterior taken as normal at its mode (Laplace)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from bot.arena.ballots import Floats


@dataclass(frozen=True, slots=True)
class Laplace:
    """A posterior taken as normal at its mode. mode [k], covariance [k, k].

    log_evidence: of the outcomes under the priors, by the same approximation (MacKay, Bayesian Interpolation,
    Neural Computation 4, 1992).
    """

    mode: Floats
    covariance: Floats
    log_evidence: float


def fit_posterior(x: Floats, votes: Floats, mean: Floats, precision: Floats) -> Laplace:
    """Return the posterior of the weights of a logistic regression on outcomes that are 1.

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
    # Both powers of 2π, of the priors and of the integral over the weights, cancel.
    log_evidence = -loss(beta) + 0.5 * float(np.log(precision).sum() - np.linalg.slogdet(hessian)[1])
    return Laplace(beta, np.linalg.inv(hessian), log_evidence)
