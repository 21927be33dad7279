"""The error of a linear estimate when a person's votes, and a duel's votes, hang together.

Working model: vote k of person i on duel j is  y_k = x_k·β + u_i + v_j + ε_k  with variances σ²_u, σ²_v and
σ²_ε. Nothing but these second moments is used.

The plain two-way cluster-robust variance (Cameron, Gelbach and Miller 2011) adds the cluster sums of
squares over people and over duels, less the one over votes. With few clusters it is too small, because the
residuals were centred on the very estimate. So the three sums of squares are instead set equal to their
expectations under the working model, exactly and for any imbalance, which gives the three variances without
bias (before a negative one becomes 0), and from them the estimate's.

Degrees of freedom after Satterthwaite (1946) are known from two sides. Taking the cluster sums of squares
as the random part is too careful, because a negative variance is set to 0; taking the variances
themselves as the random part is not careful enough, because a 0 is then believed. Their geometric mean is
used: a choice made by simulation, not derived; benchmarks/arena_coverage.py shows what all three cover.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from bot.arena.ballots import Floats, Ints
from bot.arena.results import Spread

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Clustered:
    """A linear estimate and its error.

    robust: the plain two-way cluster-robust variance, without small-sample correction.
    variance: the one used, at least what independent votes would have.
    df_careful, df_bold: the two Satterthwaite bounds; df: their geometric mean, at least 1.
    dependent: the estimate's variance, per unit of a vote's, were all votes of a person and of a duel copies
    of one another; df_dependent: its degrees of freedom.
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
        """Return the degrees of freedom used."""
        return max(1.0, float((self.df_careful * self.df_bold) ** 0.5))


def clustered_mean(y: Floats, person: Ints, duel: Ints) -> Clustered:
    """Return the mean of y [n] with its error; person, duel [n]: codes from 0."""
    return clustered_contrast(np.ones((len(y), 1)), y, np.ones(1), person, duel)


def clustered_contrast(x: Floats, y: Floats, c: Floats, person: Ints, duel: Ints) -> Clustered:
    """Return c·β̂ of the least-squares fit of y [n] on x [n, k], with its error.

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

    # Each is ‖Z'HM…‖², the weight of one variance in the expectation of one sum of squares, where
    # M = I − X(X'X)⁻¹X' makes residuals, H = diag(h), and Z tells which cluster a vote belongs to.

    def own(self, bread: Floats) -> float:
        diagonal = ((self.hx @ bread) * self.x).sum(axis=1)
        return float(self.h @ self.h - 2 * self.h @ diagonal + self._low_rank(self, bread))

    def cross(self, other: _Side, bread: Floats, x: Floats, h: Floats) -> float:
        left = (self.hx @ bread)[self.codes]
        meeting = (left * other.x[other.codes]).sum(axis=1)
        return float(h @ h - 2 * h @ meeting + self._low_rank(other, bread))

    def noise(self, bread: Floats, square: float) -> float:
        return square - float(np.trace(bread @ self.hx.T @ self.hx))

    def single(self, bread: Floats, x: Floats, h: Floats) -> float:
        half = x @ bread
        meeting = (half * self.x[self.codes]).sum(axis=1)
        spread = ((half @ (self.x.T @ self.x)) * half).sum(axis=1)
        return float((h**2 * (1 - 2 * meeting + spread)).sum())

    def _low_rank(self, other: _Side, bread: Floats) -> float:
        return float(np.trace(bread @ (self.hx.T @ self.hx) @ bread @ (other.x.T @ other.x)))


def _spread(expected: Floats, observed: Floats) -> Spread:
    """Solve for the variances; a negative one becomes 0 and the rest is solved again."""
    keep = [0, 1, 2]
    while True:
        # Least squares, because with one vote a person the person's and the vote's variance are one.
        solution = np.linalg.lstsq(expected[np.ix_(keep, keep)], observed[keep], rcond=None)[0]
        negative = [i for i, value in zip(keep, solution, strict=True) if value < 0 and i != 2]
        if not negative:
            found = dict(zip(keep, solution.tolist(), strict=True))
            return Spread(found.get(0, 0.0), found.get(1, 0.0), max(0.0, found[2]))
        keep.remove(min(negative, key=lambda i: solution[keep.index(i)]))


def _degrees(
    spread: Spread, parts: Floats, variance: float, people: _Side, duels: _Side, square: float, rest: int
) -> tuple[float, float]:
    """Return the careful and the bold degrees of freedom."""
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
    """Return how many equal clusters these weights are worth, less one for the mean; at least ½."""
    return max(0.5, float(weights.sum() ** 2 / (weights**2).sum()) - 1)


def share_interval(share: float, variance: float, df: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval for a share, 0 to 1, from its variance > 0 and Student's t.

    The number of votes in Wilson's formula is the effective one, share (1 − share) / variance, as is the
    custom for clustered surveys (Dean and Pagano 2015).
    """
    t = quantile(df)
    return wilson(share, share * (1 - share) / variance, t)


def wilson(share: float, votes: float, z: float) -> tuple[float, float]:
    """Return Wilson's interval (1927) for a share seen in so many (effective) votes, > 0."""
    middle = (share + z**2 / (2 * votes)) / (1 + z**2 / votes)
    half = z / (1 + z**2 / votes) * (share * (1 - share) / votes + z**2 / (4 * votes**2)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def quantile(df: float) -> float:
    """Return Student's t that leaves 2.5 % above it."""
    return float(stdtrit(df, (1 + LEVEL) / 2))
