"""The strengths of models on each tag, by the model of bot.arena.contexts without the coach.

How far models differ from tag to tag is unknown: the standard deviation σ of the weights of tags and lengths
has a half-normal prior and is integrated out on a grid, each value weighted by the votes' probability under
it (Laplace's approximation of the evidence). A plug-in value would keep the tags too near the whole where
they differ much, with intervals that are too narrow (Gelman, Prior Distributions for Variance Parameters in
Hierarchical Models, Bayesian Analysis 1, 2006). `docs/arena.md` has the coverage.
"""

from __future__ import annotations

import numpy as np

from bot.arena.ballots import A, B, Ballots, Bools, Floats, distinct
from bot.arena.breakdown import MIN_CELL_DUELS, MIN_CELL_PEOPLE, length_band
from bot.arena.contexts import Design
from bot.arena.results import Strength, TagRanking

SPREAD_SCALE = 0.5
"""Scale in logits of the half-normal prior of σ."""
# Trapezoids need not be narrow where the evidence is smooth; beyond 1.3 the prior has 1 % of its mass.
_SPREADS = np.array([0.02, 0.08, 0.15, 0.25, 0.35, 0.5, 0.7, 0.95, 1.3])
_Z95 = 1.959964
"""The 97.5 % point of the standard normal distribution."""


def rankings_by_tag(ballots: Ballots) -> tuple[TagRanking, ...]:
    """Return the arms' strengths on each tag that has MIN_CELL_DUELS duels and MIN_CELL_PEOPLE people.

    Means of the posterior in logits, the arms' mean being 0, with 95 % intervals; a tag with few votes stays
    near the whole. Lengths count as at the median of the votes. The most voted tag comes first.
    """
    decided = (ballots.choice <= B) & (ballots.arm_a != ballots.arm_b)
    if not decided.any():
        return ()
    band = length_band(float(np.median(ballots.seconds[decided])))
    held: dict[str, tuple[int, Bools]] = {}
    for tag in sorted(frozenset[str]().union(*ballots.tag_sets)):
        holding = np.array([tag in one for one in ballots.tag_sets], dtype=bool)
        here = decided & holding[ballots.tag_set]
        duels = distinct(ballots.duel[here])
        if duels >= MIN_CELL_DUELS and distinct(ballots.voter[here]) >= MIN_CELL_PEOPLE:
            held[tag] = duels, here
    if not held:
        return ()
    design = Design.of(ballots)
    columns = {tag: [design.columns(arm, (tag, band)) for arm in ballots.arms] for tag in held}
    fits = [design.fit({}, float(spread)) for spread in _SPREADS]
    evidence = np.array([fit.log_evidence for fit in fits]) - 0.5 * (_SPREADS / SPREAD_SCALE) ** 2
    weight = np.exp(evidence - evidence.max()) * np.gradient(_SPREADS)
    weight /= weight.sum()
    found = []
    for tag, (duels, here) in held.items():
        of_spread = [design.utilities(ballots.arms, columns[tag], fit) for fit in fits]
        means = np.array([_centred(one.mean) for one in of_spread])
        variances = np.array([_centred(_centred(one.covariance).T).diagonal() for one in of_spread])
        mean = weight @ means
        variance = weight @ (variances + (means - mean) ** 2)
        strengths = _ranked(ballots, here, mean, variance)
        found.append(TagRanking(tag=tag, duels=duels, strengths=strengths))
    return tuple(sorted(found, key=lambda one: (-one.duels, one.tag)))


def _centred(values: Floats) -> Floats:
    return np.asarray(values - values.mean(axis=0))


def _ranked(ballots: Ballots, here: Bools, mean: Floats, variance: Floats) -> tuple[Strength, ...]:
    reach = _Z95 * np.sqrt(np.maximum(variance, 0.0))
    a_won = ballots.choice[here] == A
    winner = np.where(a_won, ballots.arm_a[here], ballots.arm_b[here])
    loser = np.where(a_won, ballots.arm_b[here], ballots.arm_a[here])
    wins, losses = (np.bincount(one, minlength=len(ballots.arms)) for one in (winner, loser))
    ranked = [
        Strength(
            arm=arm,
            strength=float(mean[i]),
            low=float(mean[i] - reach[i]),
            high=float(mean[i] + reach[i]),
            wins=int(wins[i]),
            losses=int(losses[i]),
            known=True,
        )
        for i, arm in enumerate(ballots.arms)
    ]
    return tuple(sorted(ranked, key=lambda one: (-one.strength, one.arm)))
