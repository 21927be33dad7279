"""How often the 95 % intervals of the models' strengths on each tag hold the truth, in simulations.

    python -m benchmarks.arena_tags [--communities N]

Three models, six tags, 90 duels of 6 votes, 40 people. A model has a strength of its own and another one on
each tag around it; each person has tastes, each duel luck, all normal in logits. The truth is the strength
on the tag, attenuated as tastes and luck attenuate the population's votes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import expit

from benchmarks._figures import tell
from bot.arena.ballots import Ballots, Floats
from bot.arena.tag_ranking import rankings_by_tag
from bot.arena.votes import Arm
from bot.recipe import Mode

ARMS = tuple(Arm(Mode.AR, f"model-{i}") for i in range(3))
TAGS = tuple(f"genre:{i}" for i in range(6))
PEOPLE, DUELS, VOTERS, WHOLE, TASTE, LUCK = 40, 90, 6, 0.4, 0.5, 0.5
SPREADS = (0.1, 0.35, 0.7)
ATTENUATION = 0.35
"""c² for c = 16 √3 / (15 π): the mean of expit(x + N(0, σ²)) is about expit(x / √(1 + c² σ²)) (Zeger, Liang
and Albert, Biometrics 44, 1988)."""


def community(spread: float, seed: int) -> tuple[Ballots, Floats]:
    """Return a community's votes, and the true strengths [tag, model], their mean on a tag being 0."""
    rng = np.random.default_rng([7, seed])
    m = len(ARMS)
    strengths = WHOLE * rng.standard_normal(m) + spread * rng.standard_normal((len(TAGS), m))
    a = rng.integers(m, size=DUELS)
    b = (a + rng.integers(1, m, size=DUELS)) % m
    tag = rng.integers(len(TAGS), size=DUELS)
    luck = LUCK * rng.standard_normal(DUELS)
    tastes = TASTE / 2**0.5 * rng.standard_normal((PEOPLE, m))
    duel = np.repeat(np.arange(DUELS), VOTERS)
    person = np.concatenate([rng.choice(PEOPLE, VOTERS, replace=False) for _ in range(DUELS)])
    first, second, on = a[duel], b[duel], strengths[tag[duel]]
    row = np.arange(len(duel))
    logit = on[row, first] - on[row, second] + tastes[person, first] - tastes[person, second] + luck[duel]
    none = np.zeros(len(duel), dtype=np.int64)
    ballots = Ballots(
        duel=duel,
        voter=np.unique(person, return_inverse=True)[1],
        choice=np.where(rng.random(len(duel)) < expit(logit), 0, 1),
        diffusion_side=none - 1,
        arm_a=first,
        arm_b=second,
        seconds=none + 10.0,
        requester=none > 0,
        tag_set=tag[duel],
        arms=ARMS,
        tag_sets=tuple((one,) for one in TAGS),
    )
    attenuated = strengths / (1 + ATTENUATION * (TASTE**2 + LUCK**2)) ** 0.5
    return ballots, attenuated - attenuated.mean(axis=1, keepdims=True)


def coverage(spread: float, communities: int) -> tuple[float, float]:
    """Return the share of intervals that hold the truth, and the median half-width in logits."""
    held, width = [], []
    for seed in range(communities):
        ballots, truth = community(spread, seed)
        for ranking in rankings_by_tag(ballots):
            for one in ranking.strengths:
                true = truth[TAGS.index(ranking.tag), ARMS.index(one.arm)]
                held.append(one.low <= true <= one.high)
                width.append((one.high - one.low) / 2)
    return float(np.mean(held)), float(np.median(width))


async def _measure(communities: int) -> Mapping[str, Any]:
    rows: dict[str, str] = {}
    for spread in SPREADS:
        share, width = coverage(spread, communities)
        rows[f"σ tag {spread}"] = f"{100 * share:.1f} %, ± {width:.2f} logits"
    return rows


if __name__ == "__main__":
    tell(__doc__, "communities", 300, _measure)
