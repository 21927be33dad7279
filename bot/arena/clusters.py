"""Two-way clustered standard errors of a linear estimate, for votes of one person, or on one duel, correlate.

Working model: vote k of person i on duel j is  y_k = x_k·β + u_i + v_j + ε_k,  with independent effects
of variances σ²_u (person), σ²_v (duel) and σ²_ε (single vote). Only these second moments are assumed.

With h = X(X'X)⁻¹c the estimate is c·β̂ = h'y, so its variance under the model is
    Var(c·β̂) = σ²_u Σ_i H_i² + σ²_v Σ_j H_j² + σ²_ε Σ_k h_k²,   H_i, H_j: the sums of h over a cluster.
The three variances are estimated by the method of moments. The observed moments are three sums of
squares, e the residuals: Σ_i (Σ_{k∈i} h_k e_k)² over people, the same over duels, and Σ_k (h_k e_k)² over
votes. They are the terms of the two-way cluster-robust variance, people + duels − votes (Cameron, Gelbach
and Miller, Robust Inference with Multiway Clustering, JBES 29, 2011). That variance is biased downwards
with few clusters, for residuals are centred on the estimate. Here each sum is set equal to its exact
expectation E‖Z'HMy‖² under the model, M = I − X(X'X)⁻¹X', whatever the imbalance: three linear equations,
unbiased until a negative variance is set to 0. `_Side` computes their coefficients from cluster sums in
O(n), without n × n matrices.

Degrees of freedom by Satterthwaite's approximation (An Approximate Distribution of Estimates of Variance
Components, Biometrics Bulletin 2, 1946): df = V² / Σ (part² / df of the part). It is applied in two ways.
With the cluster sums of squares as the random parts it is conservative, because a negative variance is
truncated at 0; with the estimated variances as the parts it is anti-conservative, because an estimate of
0 is taken at face value. The geometric mean of both is used: chosen by simulation, not derived;
benchmarks/arena_coverage.py shows the coverage of all three.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from bot.arena.ballots import Floats, Ints
from bot.arena.results import Spread
from bot.arena.wilson import wilson_interval

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Clustered:
    """A linear estimate with its variance.

    robust: the two-way cluster-robust variance without small-sample correction, for comparison.
    variance: the one used, at least that of independent votes.
    df_careful, df_bold: the two Satterthwaite bounds; df: their geometric mean, at least 1.
    dependent: the variance per unit of a vote's variance if all votes of a person, and all on a duel, were
    copies of one another; df_dependent: its degrees of freedom.
    """

    value: float
    variance: float
    robust: float
    spread: Spread
    df_careful: float
    df_bold: float
    dependent: float
    df_dependent: float

    @property
    def df(self) -> float:
        """The degrees of freedom used."""
        return max(1.0, float((self.df_careful * self.df_bold) ** 0.5))


def clustered_mean(y: Floats, person: Ints, duel: Ints) -> Clustered:
    """Return the mean of y [n] with its variance; person, duel [n]: codes from 0."""
    return clustered_contrast(np.ones((len(y), 1)), y, np.ones(1), person, duel)


def clustered_contrast(x: Floats, y: Floats, c: Floats, person: Ints, duel: Ints) -> Clustered:
    """Return c·β̂ of the least-squares fit of y [n] on x [n, k], with its variance.

    person, duel [n]: codes from 0; each pair at most once.  Needs n > k and x of full rank.
    """
    n, k = x.shape
    bread = np.linalg.inv(x.T @ x)
    beta = bread @ x.T @ y
    h = x @ bread @ c
    residual = y - x @ beta
    people, duels = (_Side(codes, x, h, residual) for codes in (person, duel))
    square = float(h @ h)
    leverage = ((x @ bread) * x).sum(axis=1)
    observed = np.array([people.squares, duels.squares, float(((h * residual) ** 2).sum())])
    expected = np.array(
        [
            [people.own(bread), people.cross(duels, bread, x, h), people.noise(bread, square)],
            [duels.cross(people, bread, x, h), duels.own(bread), duels.noise(bread, square)],
            [people.single(bread, x, h), duels.single(bread, x, h), float((h**2 * (1 - leverage)).sum())],
        ]
    )
    spread = _spread(expected, observed)
    parts = np.array(
        [spread.person * people.h @ people.h, spread.duel * duels.h @ duels.h, spread.vote * square]
    )
    independent = float(residual @ residual) / (n - k) * square
    variance = max(float(parts.sum()), independent)
    careful, bold = _degrees(spread, parts, variance, people, duels, square, n - k)
    by_person, by_duel = float(people.h @ people.h), float(duels.h @ duels.h)
    return Clustered(
        value=float(c @ beta),
        variance=variance,
        robust=float(observed[0] + observed[1] - observed[2]),
        spread=spread,
        df_careful=careful,
        df_bold=bold,
        dependent=by_person + by_duel - square,
        df_dependent=max(1.0, 1 / max(by_person, by_duel) - 1),
    )


class _Side:
    """Sums over the clusters of one kind: g clusters, k columns."""

    def __init__(self, codes: Ints, x: Floats, h: Floats, residual: Floats) -> None:
        g = int(codes.max()) + 1
        self.codes = codes
        self.h = np.bincount(codes, h, g)
        self.h2 = np.bincount(codes, h**2, g)
        self.x = np.stack([np.bincount(codes, column, g) for column in x.T], axis=1)
        self.hx = np.stack([np.bincount(codes, h * column, g) for column in x.T], axis=1)
        self.squares = float((np.bincount(codes, h * residual, g) ** 2).sum())

    # Each method returns the coefficient of one variance in the expectation of one sum of squares:
    # E‖Z'HMy‖² = Σ_s σ²_s ‖Z'HMZ_s‖² (Frobenius norm), because My = M(Z_u u + Z_v v + ε). M = I − X(X'X)⁻¹X',
    # H = diag(h), and Z [n, g] is the indicator matrix of the clusters that are summed over, Z_s that of the
    # variance's own. Expanding M leaves sums over clusters and a trace of k × k matrices (`_low_rank`).

    def own(self, bread: Floats) -> float:
        """‖Z'HMZ‖²: the clusters' own variance in their own sum of squares."""
        diagonal = ((self.hx @ bread) * self.x).sum(axis=1)
        return float(self.h @ self.h - 2 * self.h @ diagonal + self._low_rank(self, bread))

    def cross(self, other: _Side, bread: Floats, x: Floats, h: Floats) -> float:
        """‖Z'HMZ_other‖²: the other clusters' variance in this sum of squares."""
        left = (self.hx @ bread)[self.codes]
        meeting = (left * other.x[other.codes]).sum(axis=1)
        return float(h @ h - 2 * h @ meeting + self._low_rank(other, bread))

    def noise(self, bread: Floats, square: float) -> float:
        """‖Z'HM‖²: the single votes' variance in this sum of squares."""
        return square - float(np.trace(bread @ self.hx.T @ self.hx))

    def single(self, bread: Floats, x: Floats, h: Floats) -> float:
        """‖HMZ‖²: the clusters' variance in the sum of squares over single votes."""
        half = x @ bread
        meeting = (half * self.x[self.codes]).sum(axis=1)
        spread = ((half @ (self.x.T @ self.x)) * half).sum(axis=1)
        return float((h**2 * (1 - 2 * meeting + spread)).sum())

    def _low_rank(self, other: _Side, bread: Floats) -> float:
        return float(np.trace(bread @ (self.hx.T @ self.hx) @ bread @ (other.x.T @ other.x)))


def _spread(expected: Floats, observed: Floats) -> Spread:
    """Solve the moment equations; the most negative variance is set to 0 and the others are solved again.

    The equation of a variance set to 0 is left out with it. The votes' variance is only clamped.
    """
    keep = [0, 1, 2]
    while True:
        # Least squares, for the system is singular with one vote a person: both variances are then one.
        solution = np.linalg.lstsq(expected[np.ix_(keep, keep)], observed[keep], rcond=None)[0]
        negative = [i for i, value in zip(keep, solution, strict=True) if value < 0 and i != 2]
        if not negative:
            found = dict(zip(keep, solution.tolist(), strict=True))
            return Spread(found.get(0, 0.0), found.get(1, 0.0), max(0.0, found[2]))
        keep.remove(min(negative, key=lambda i: solution[keep.index(i)]))


def _degrees(
    spread: Spread, parts: Floats, variance: float, people: _Side, duels: _Side, square: float, rest: int
) -> tuple[float, float]:
    """Return the conservative and the anti-conservative degrees of freedom (see the module's docstring)."""
    total = spread.person + spread.duel + spread.vote
    if variance <= 0 or total <= 0:
        return 1.0, 1.0
    by_person = spread.person * people.h**2 + (total - spread.person) * people.h2
    by_duel = spread.duel * duels.h**2 + (total - spread.duel) * duels.h2
    freedom = np.array([_effective(by_person), _effective(by_duel), float(rest)])
    sums = np.array([by_person.sum(), by_duel.sum(), total * square])
    careful = variance**2 / float((sums**2 / freedom).sum())
    bold = variance**2 / float((parts**2 / freedom).sum())
    return max(1.0, careful), max(1.0, bold)


def _effective(weights: Floats) -> float:
    """Return (Σw)² / Σw² − 1, at least ½: the equivalent number of equal clusters, less one for the mean."""
    return max(0.5, float(weights.sum() ** 2 / (weights**2).sum()) - 1)


def share_interval(share: float, variance: float, df: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval for a share, 0 to 1, from its variance > 0 and Student's t.

    Wilson's formula takes the effective number of votes, share (1 − share) / variance: so many independent
    votes would have this variance. Dean and Pagano compare it with other intervals (Evaluating Confidence
    Interval Methods for Binomial Proportions in Clustered Surveys, JSSAM 3, 2015).
    """
    return wilson_interval(share, share * (1 - share) / variance, quantile(df))


def quantile(df: float) -> float:
    """Return the 97.5 % quantile of Student's t distribution with df degrees of freedom."""
    return float(stdtrit(df, (1 + LEVEL) / 2))
