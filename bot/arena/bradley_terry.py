"""Bradley–Terry strengths of more than two arms by maximum likelihood, with clustered standard errors.

Model: P(i beats j) = expit(θᵢ − θⱼ) (Bradley and Terry, Rank Analysis of Incomplete Block Designs I,
Biometrika 39, 1952). It orders arms that never met each other by way of those that both met, where a table of
win rates depends on the opponents that an arm happened to draw. Votes without a preference are left out: the
model has no ties, and counting them as half a win would treat "both bad" as evidence of equality.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.special import expit

from bot.arena.ballots import BOTH_BAD, BOTH_GOOD, A, B, Ballots, Floats, Ints, distinct
from bot.arena.clusters import quantile
from bot.arena.results import Strength, Turnout, Unranked

MINIMUM = 15
"""Minimum of people and of duels, from which the intervals cover 93 to 98 % (simulation: docs/arena.md)."""


def strengths(ballots: Ballots, *, minimum: int = MINIMUM) -> tuple[Strength, ...]:
    """Return the arms' strengths in logits, strongest first: P(i beats j) = expit(θᵢ − θⱼ), Σθ = 0.

    Decisive votes only. The likelihood has a finite maximum exactly where the graph of wins is strongly
    connected: from each arm to each other by a chain of losses (Ford, Solution of a Ranking Problem from
    Binary Comparisons, Amer. Math. Monthly 64, 1957). So the strongly connected component with the most votes
    is fitted and the other arms are left out. Empty where fewer than two arms remain.

    The 95 % interval is for θᵢ against the mean of the fitted arms: two-way cluster-robust over people and
    duels, each sum with the correction g/(g − 1) for g clusters (Cameron, Gelbach and Miller, JBES 29, 2011),
    Student's t on the smaller number of clusters less one, and never narrower than for independent votes.
    """
    decided = (ballots.choice <= B) & (ballots.arm_a != ballots.arm_b)
    a_won = ballots.choice[decided] == A
    winner = np.where(a_won, ballots.arm_a[decided], ballots.arm_b[decided])
    loser = np.where(a_won, ballots.arm_b[decided], ballots.arm_a[decided])
    inside = _largest_connected(winner, loser, len(ballots.arms))
    kept = inside[winner] & inside[loser] if len(winner) else np.zeros(0, dtype=bool)
    if inside.sum() < 2:
        return ()
    code = np.cumsum(inside) - 1
    arms = [arm for arm, here in zip(ballots.arms, inside, strict=True) if here]
    winner, loser = code[winner[kept]], code[loser[kept]]
    person, duel = ballots.voter[decided][kept], ballots.duel[decided][kept]
    m = len(arms)
    wins = np.bincount(winner * m + loser, minlength=m * m).reshape(m, m).astype(np.float64)
    theta, inverse = fit(wins)
    people, duels = distinct(person), distinct(duel)
    known = min(people, duels) >= max(2, minimum)
    error = _errors(theta, inverse, winner, loser, person, duel)
    reach = quantile(min(people, duels) - 1) * error if known else np.full(m, np.inf)
    found = [
        Strength(
            arm=arm,
            strength=float(theta[i]),
            low=float(theta[i] - reach[i]),
            high=float(theta[i] + reach[i]),
            wins=int(wins[i].sum()),
            losses=int(wins[:, i].sum()),
            known=known,
        )
        for i, arm in enumerate(arms)
    ]
    return tuple(sorted(found, key=lambda one: (-one.strength, one.arm)))


def unranked(ballots: Ballots, ranking: Sequence[Strength]) -> tuple[Unranked, ...]:
    """Return the arms with decisive votes that a ranking left out, by name."""
    decided = (ballots.choice <= B) & (ballots.arm_a != ballots.arm_b)
    a_won = ballots.choice[decided] == A
    of_a, of_b, arms = ballots.arm_a[decided], ballots.arm_b[decided], len(ballots.arms)
    wins = np.bincount(np.where(a_won, of_a, of_b), minlength=arms)
    losses = np.bincount(np.where(a_won, of_b, of_a), minlength=arms)
    ranked = {one.arm for one in ranking}
    return tuple(
        Unranked(arm=arm, wins=int(wins[i]), losses=int(losses[i]))
        for i, arm in enumerate(ballots.arms)
        if arm not in ranked and wins[i] + losses[i]
    )


def turnout(ballots: Ballots) -> Turnout:
    """Return how many voted on any two different arms."""
    met = ballots.arm_a != ballots.arm_b
    decided = met & (ballots.choice <= B)
    return Turnout(
        votes=int(decided.sum()),
        people=distinct(ballots.voter[decided]),
        duels=distinct(ballots.duel[decided]),
        both_good=int((met & (ballots.choice == BOTH_GOOD)).sum()),
        both_bad=int((met & (ballots.choice == BOTH_BAD)).sum()),
    )


def fit(wins: Floats) -> tuple[Floats, Floats]:
    """Return θ [m], Σθ = 0, and the inverse of the information [m, m], from wins [m, m] of row over column.

    Newton's method on the concave log-likelihood Σᵢⱼ winsᵢⱼ log expit(θᵢ − θⱼ), as it yields the information
    anyway. A step is halved until the likelihood does not fall: where an arm nearly always wins the curvature
    is almost 0 and a full step overshoots. Raises ValueError where there is no finite maximum.
    """
    m = len(wins)
    inside = connected_components(coo_array(wins), directed=True, connection="strong")[0]
    if inside > 1:
        raise ValueError("Some arms never won, never lost or never met the others: no finite strengths.")
    met = wins + wins.T
    theta = np.zeros(m)
    for _ in range(100):
        chance = expit(theta[:, None] - theta)
        score = (wins - met * chance).sum(axis=1)
        weight = met * chance * (1 - chance)
        information = np.diag(weight.sum(axis=1)) - weight
        # The information is a graph Laplacian: singular, as a constant added to all θ changes no probability.
        # On the subspace Σθ = 0 its inverse is the pseudo-inverse, (I + 11ᵀ/m)⁻¹ − 11ᵀ/m.
        inverse = np.linalg.inv(information + 1 / m) - 1 / m
        step = inverse @ score
        size = 1.0
        while size > 1e-6 and _log_likelihood(wins, theta + size * step) < _log_likelihood(wins, theta):
            size /= 2
        theta = theta + size * step
        if np.abs(step).max() < 1e-12:
            break
    return theta - theta.mean(), inverse


def _log_likelihood(wins: Floats, theta: Floats) -> float:
    return -float((wins * np.logaddexp(0, theta - theta[:, None])).sum())


def _largest_connected(winner: Ints, loser: Ints, arms: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if not len(winner):
        return np.zeros(arms, dtype=bool)
    graph = coo_array((np.ones(len(winner)), (winner, loser)), shape=(arms, arms))
    labels = connected_components(graph, directed=True, connection="strong")[1]
    votes = np.bincount(labels[winner][labels[winner] == labels[loser]], minlength=labels.max() + 1)
    return np.asarray(labels == votes.argmax()) & bool(votes.max())


def _errors(theta: Floats, inverse: Floats, winner: Ints, loser: Ints, person: Ints, duel: Ints) -> Floats:
    """Return the standard errors of θ [m]: the sandwich  inverse · meat · inverse.

    meat = Σ over people + Σ over duels − Σ over votes of the outer products of summed scores: a pair of votes
    that shares a person or a duel enters once. The maximum with the inverse information keeps a variance from
    being negative or too small where the scores of few clusters happen to cancel.
    """
    m = len(theta)
    residual = expit(theta[loser] - theta[winner])
    meat = np.zeros((m, m))
    for codes in (person, duel):
        size, g = m * (int(codes.max()) + 1), distinct(codes)
        gained = np.bincount(codes * m + winner, residual, size)
        lost = np.bincount(codes * m + loser, residual, size)
        scores = (gained - lost).reshape(-1, m)
        meat += (g / (g - 1) if g > 1 else 1.0) * scores.T @ scores
    # A vote's score is +residual at its winner and −residual at its loser, so the outer product has residual²
    # at both diagonal entries and −residual² at both others: a sum per pair of arms is enough.
    pairs = np.bincount(winner * m + loser, residual**2, m * m).reshape(m, m)
    pairs = pairs + pairs.T
    meat -= np.diag(pairs.sum(axis=1)) - pairs
    robust = np.diag(inverse @ meat @ inverse)
    independent = np.diag(inverse)
    return np.asarray(np.sqrt(np.maximum(robust, independent)))
