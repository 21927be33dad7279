"""Votes until the best of five models is known, by how a series of duels picks its pairs.

    python -m benchmarks.series_pairs [--communities N]

Five models; the best wins 55 % of the votes against the second, a 5-point difference. Each duel has luck of
its own and 6 voters, each of whom has tastes. After each duel the posterior of bot/arena/next_pair.py is
fitted; the best is known once one model is it with 95 %. Three ways to pick: at random, by the information
about all strengths, and by the information about the best (`next_pair`, which the bot uses).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import expit

from benchmarks._figures import tell
from bot.arena.ballots import Floats
from bot.arena.next_pair import Standings, entropy, standings

FIVE_POINTS = 0.2007
"""logit(0.55), the difference of two strengths in logits."""
COMMUNITIES = {
    "two leaders, the others far behind": np.array([0.0, -1.0, -4.0, -5.0, -6.0]) * FIVE_POINTS,
    "each 5 points behind the one before": np.arange(0.0, -5.0, -1.0) * FIVE_POINTS,
}
VOTERS, PEOPLE, TASTE, LUCK = 6, 40, 0.5, 0.5
MAX_DUELS = 600
SURE = 0.95
WAYS = ("random", "strengths", "best")


def votes_until_known(strengths: Floats, way: str, seed: int) -> tuple[int, bool]:
    """Return the votes until a best model is known, and whether it is the true one; MAX_DUELS ends it."""
    rng = np.random.default_rng([19, seed])
    m = len(strengths)
    tastes = TASTE / 2**0.5 * rng.standard_normal((PEOPLE, m))
    order = rng.permutation(m)
    truth, wins = strengths[order], np.zeros((m, m))
    for duel in range(MAX_DUELS):
        found = standings(wins, seed * MAX_DUELS + duel)
        if found.best.max() >= SURE:
            return VOTERS * duel, bool(truth[found.best.argmax()] == truth.max())
        i, j = _pair(found, way, rng)
        luck = LUCK * rng.standard_normal()
        voting = rng.choice(PEOPLE, VOTERS, replace=False)
        chance = expit(truth[i] - truth[j] + luck + tastes[voting, i] - tastes[voting, j])
        won = int((rng.random(VOTERS) < chance).sum())
        wins[i, j] += won
        wins[j, i] += VOTERS - won
    return VOTERS * MAX_DUELS, False


def _pair(found: Standings, way: str, rng: np.random.Generator) -> tuple[int, int]:
    m = found.draws.shape[1]
    if way == "random":
        i, j = rng.choice(m, 2, replace=False)
        return int(i), int(j)
    if way == "best":
        return found.next_pair()
    won = expit(found.draws[:, :, None] - found.draws[:, None, :])
    gains = entropy(won.mean(axis=0)) - entropy(won).mean(axis=0)
    i, j = divmod(int(np.triu(gains, 1).argmax()), m)
    return i, j


async def _measure(communities: int) -> Mapping[str, Any]:
    rows: dict[str, str] = {}
    for name, strengths in COMMUNITIES.items():
        for way in WAYS:
            found = [votes_until_known(strengths, way, seed) for seed in range(communities)]
            votes = np.array([one[0] for one in found])
            low, middle, high = np.quantile(votes, [0.25, 0.5, 0.75])
            never = (votes == VOTERS * MAX_DUELS).mean()
            right = np.mean([one[1] for one in found])
            rows[f"{name}: {way}"] = (
                f"{middle:,.0f} votes ({low:,.0f} to {high:,.0f}), right {right:.0%}, open {never:.0%}"
            )
    return rows


if __name__ == "__main__":
    tell(__doc__, "communities", 60, _measure)
