"""How often the 95 % intervals of a breakdown's cells hold the truth, over simulated communities.

    python -m benchmarks.arena_cells     the table in docs/arena.md, four minutes

A tag shifts the odds of its duels; people and duels cluster as in benchmarks/arena_coverage.py, and the
same people vote in every cell. A cell's truth is its rate over all people and duels. Where tags differ less
or more than the prior expects (half-normal, 0.5 logits), intervals drawn to the whole can be too wide or
too narrow: that is what this looks at. Cells of few duels are counted apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from bot.arena.ballots import A, B, Ballots
from bot.arena.breakdown import MIN_CELL_DUELS, breakdown
from bot.arena.results import Cell
from bot.arena.votes import Arm
from bot.arena.winrate import win_rate
from bot.recipe import Mode

ARMS = (Arm(Mode.AR, "ar"), Arm(Mode.DIFFUSION, "diffusion"))
EVEN, UNEVEN = (15,) * 8, (2, 3, 4, 6, 10, 20, 40, 80)
SIZES = ((20, EVEN, 4), (60, EVEN, 6), (60, UNEVEN, 6))
TAUS = (0.1, 0.35, 0.7)
SPREADS = ((0.0, 0.0), (0.5, 0.5), (1.0, 1.0))
REPEATS = 400
MU = 0.3
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(40)


@dataclass(frozen=True)
class Cells:
    """A community whose duels carry one tag each.

    duels: of each tag.  voters: mean number of voters of a duel.  tau: how much tags differ; person, duel:
    how much those do; all standard deviations in logits.
    """

    people: int
    duels: tuple[int, ...]
    voters: float
    tau: float
    person: float
    duel: float

    def draw(self, rng: np.random.Generator) -> tuple[Ballots, dict[str, float]]:
        """Return the votes of one such community, and the true rate of each tag."""
        shift = MU + self.tau * rng.standard_normal(len(self.duels))
        tag = np.repeat(np.arange(len(self.duels)), self.duels)
        activity = np.exp(rng.standard_normal(self.people))
        count = np.minimum(self.people, 1 + rng.poisson(self.voters - 1, len(tag)))
        finish = (rng.exponential(size=(len(tag), self.people)) / activity).argsort(axis=1)
        duel, index = np.nonzero(np.arange(self.people) < count[:, None])
        person = finish[duel, index]
        logits = (
            shift[tag[duel]]
            + self.person * rng.standard_normal(self.people)[person]
            + self.duel * rng.standard_normal(len(tag))[duel]
        )
        won = rng.random(len(duel)) < expit(logits)
        none = np.zeros(len(duel), dtype=np.int64)
        names = tuple((f"genre:{number}",) for number in range(len(self.duels)))
        ballots = Ballots(
            duel=duel,
            voter=np.unique(person, return_inverse=True)[1],
            choice=np.where(won, A, B),
            diffusion_side=none + A,
            arm_a=none + 1,
            arm_b=none,
            seconds=none + 10.0,
            requester=none > 0,
            tag_set=tag[duel],
            arms=ARMS,
            tag_sets=names,
        )
        spread = (self.person**2 + self.duel**2) ** 0.5
        rates = (expit(shift[:, None] + spread * _NODES) * _WEIGHTS).sum(axis=1) / _WEIGHTS.sum()
        return ballots, {name: float(rate) for (name,), rate in zip(names, rates, strict=True)}

    def held(self, rng: np.random.Generator, repeats: int) -> list[tuple[Cell, bool]]:
        """Return the cells of so many communities, and whether each one's interval holds its truth."""
        found = []
        for _ in range(repeats):
            ballots, truth = self.draw(rng)
            for group in breakdown(ballots, win_rate(ballots)):
                if group.name == "tag":
                    found += [(cell, cell.low <= truth[cell.name] <= cell.high) for cell in group.cells]
        return found


def rows() -> Iterator[str]:
    for number, (people, duels, voters) in enumerate(SIZES):
        for tau in TAUS:
            for person, duel in SPREADS:
                cells = Cells(people, duels, voters, tau, person, duel)
                held = cells.held(np.random.default_rng([9, number, int(100 * tau), int(10 * duel)]), REPEATS)
                large = [one for cell, one in held if cell.duels >= MIN_CELL_DUELS]
                small = [one for cell, one in held if cell.duels < MIN_CELL_DUELS]
                width = 50 * np.median([cell.high - cell.low for cell, _ in held])
                each = f"{duels[0]}" if duels is EVEN else f"{duels[0]} to {duels[-1]}"
                apart = f"{100 * np.mean(small):.1f}" if small else "–"
                yield (
                    f"| {people} | {each} | {voters} | {tau} | {person} | {duel} "
                    f"| {100 * np.mean(large):.1f} | {apart} | {width:.1f} |"
                )


def main() -> None:
    print(f"{REPEATS} communities of 8 tags a row. Coverage of the tags' 95 % intervals in percent.\n")
    print("| people | duels a tag | voters | σ tag | σ person | σ duel | coverage | small cells | ± points |")
    print("|" + "---:|" * 9)
    for row in rows():
        print(row, flush=True)


if __name__ == "__main__":
    main()
