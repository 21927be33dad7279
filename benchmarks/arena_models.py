"""How often the 95 % intervals of the Bradley–Terry strengths hold the truth, over simulated communities.

    python -m benchmarks.arena_models

Four models; each person has tastes, each duel luck, both normal in logits. The truth is what the whole
population's votes come to: the strengths fitted to a community of many people and duels.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import expit

from bot.arena.ballots import Ballots
from bot.arena.bradley_terry import fit, strengths
from bot.arena.votes import Arm
from bot.recipe import Mode

ARMS = tuple(Arm(Mode.AR, f"model-{i}") for i in range(4))
STRENGTHS = np.array([-0.6, -0.1, 0.2, 0.5])
SIZES = [(8, 20, 5), (15, 15, 6), (15, 60, 6), (30, 40, 8), (30, 150, 8), (100, 60, 10), (100, 300, 10)]
SPREADS = [(0.0, 0.0), (0.5, 0.5), (1.0, 0.5), (0.5, 1.0)]
REPEATS = 600


def community(people: int, duels: int, voters: int, taste: float, luck: float, seed: list[int]) -> Ballots:
    """Return the decisive votes of one random community, activity log-normal with deviation 1."""
    rng = np.random.default_rng(seed)
    tastes = rng.normal(scale=taste / 2**0.5, size=(people, len(ARMS)))
    activity = np.exp(rng.standard_normal(people))
    a = rng.integers(len(ARMS), size=duels)
    b = (a + rng.integers(1, len(ARMS), size=duels)) % len(ARMS)
    fortune = rng.normal(scale=luck, size=duels)
    count = np.minimum(people, 1 + rng.poisson(voters - 1, duels))
    person, duel = [], []
    for i, voting in enumerate(count):
        person.append(np.argpartition(rng.exponential(size=people) / activity, voting - 1)[:voting])
        duel.append(np.full(voting, i))
    p, d = np.concatenate(person), np.concatenate(duel)
    logits = (STRENGTHS + tastes[p])[np.arange(len(p)), a[d]] - (STRENGTHS + tastes[p])[
        np.arange(len(p)), b[d]
    ]
    a_won = rng.random(len(p)) < expit(logits + fortune[d])
    none = np.zeros(len(p), dtype=np.int64)
    return Ballots(
        duel=d,
        voter=np.unique(p, return_inverse=True)[1],
        choice=np.where(a_won, 0, 1),
        diffusion_side=none - 1,
        arm_a=a[d],
        arm_b=b[d],
        seconds=none + 10.0,
        requester=none > 0,
        tag_set=none,
        arms=ARMS,
        tag_sets=((),),
    )


def truth(taste: float, luck: float) -> dict[Arm, float]:
    """Return the strengths of the population, by ten thousand people and as many duels, ten votes each."""
    ballots = community(10_000, 10_000, 10, taste, luck, [1])
    winner = np.where(ballots.choice == 0, ballots.arm_a, ballots.arm_b)
    loser = np.where(ballots.choice == 0, ballots.arm_b, ballots.arm_a)
    wins = np.zeros((len(ARMS), len(ARMS)))
    np.add.at(wins, (winner, loser), 1)
    return dict(zip(ARMS, fit(wins)[0].tolist(), strict=True))


def rows() -> Iterator[str]:
    for taste, luck in SPREADS:
        known = truth(taste, luck)
        for number, (people, duels, voters) in enumerate(SIZES):
            held, width, silent = [], [], 0
            for repeat in range(REPEATS):
                found = strengths(
                    community(people, duels, voters, taste, luck, [2, number, repeat]), minimum=0
                )
                if len(found) < len(ARMS):
                    silent += 1
                    continue
                held += [one.low <= known[one.arm] <= one.high for one in found]
                width += [(one.high - one.low) / 2 for one in found]
            yield (
                f"| {people} | {duels} | {voters} | {taste} | {luck} | {100 * np.mean(held):.1f} "
                f"| {np.median(width):.2f} | {100 * silent / REPEATS:.0f} % |"
            )


def main() -> None:
    print(f"{REPEATS} communities a row, four models each. Coverage of the 95 % intervals in percent.\n")
    print("| people | duels | voters | σ taste | σ luck | coverage | ± logits | no ranking |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for row in rows():
        print(row, flush=True)


if __name__ == "__main__":
    main()
