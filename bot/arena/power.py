"""Sample size: the number of further votes that a conclusion needs."""

from __future__ import annotations

from math import ceil, sqrt

from scipy.special import ndtri

from bot.arena.results import MIN_DUELS, MIN_PEOPLE, Needed, WinRate
from bot.arena.winrate import MARGIN

POWER = 0.8
PLANNED_DESIGN_EFFECT = 2.0
PLANNED_VOTES_PER_PERSON = 10.0
PLANNED_VOTES_PER_DUEL = 5.0
"""Assumptions about a community with too few votes to estimate them from."""


def independent_votes(margin: float = MARGIN, power: float = POWER) -> float:
    """Return the number of independent votes that detects a rate of ½ ± margin (0 to ½) with this power.

    For the two-sided 5 % normal test of a share against ½, the other tail neglected: the textbook formula
    n = (z₀.₉₇₅ · ½ + z_power · √(¼ − margin²))² / margin².
    """
    if not 0 < margin < 0.5:
        raise ValueError(f"The margin has to lie between 0 and ½, not {margin}.")
    if not 0.5 < power < 1:
        raise ValueError(f"The power has to lie between ½ and 1, not {power}.")
    spread = sqrt(0.25 - margin**2)
    return float((ndtri(0.975) * 0.5 + ndtri(power) * spread) ** 2 / margin**2)


def needed(rate: WinRate, margin: float = MARGIN, power: float = POWER) -> Needed:
    """Return the missing votes, people and duels to detect a rate `margin` off ½; 0 where none are missing.

    Assumes that people and duels grow in proportion: more votes of the same people alone are correlated with
    those they cast before, and add little information.
    """
    target = independent_votes(margin, power)
    votes = rate.counts.decisive
    if rate.effective_votes > 0:
        growth = max(0.0, target / rate.effective_votes - 1)
        return Needed(
            votes=ceil(votes * growth), people=ceil(rate.people * growth), duels=ceil(rate.duels * growth)
        )
    total = target * PLANNED_DESIGN_EFFECT
    return Needed(
        votes=max(0, ceil(total - votes)),
        people=max(MIN_PEOPLE - rate.people, ceil(total / PLANNED_VOTES_PER_PERSON) - rate.people, 0),
        duels=max(MIN_DUELS - rate.duels, ceil(total / PLANNED_VOTES_PER_DUEL) - rate.duels, 0),
    )
