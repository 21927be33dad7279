"""Counted votes as columns with gapless codes: the input of the fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from bot.arena.results import Counts
from bot.arena.table import CHOICE, Rows, Tags, VoteTable
from bot.arena.votes import Arm, Vote
from bot.recipe import Mode

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]

A, B, BOTH_GOOD, BOTH_BAD = CHOICE.values()

_T = TypeVar("_T", Arm, Tags)


@dataclass(frozen=True, slots=True)
class Ballots:
    """The counted votes, one row each, sorted by duel and voter, so that the input's order has no influence.

    duel, voter [n]: codes from 0, gapless in the whole.  choice [n]: A, B, BOTH_GOOD or BOTH_BAD.
    diffusion_side [n]: A, B, or −1 where both sides had the same mode.
    arm_a, arm_b [n]: index into arms.  tag_set [n]: index into tag_sets.
    """

    duel: Ints
    voter: Ints
    choice: Ints
    diffusion_side: Ints
    arm_a: Ints
    arm_b: Ints
    seconds: Floats
    requester: Bools
    tag_set: Ints
    arms: tuple[Arm, ...]
    tag_sets: tuple[Tags, ...]

    @classmethod
    def of(cls, votes: Iterable[Vote] | VoteTable) -> Ballots:
        """Build from the votes that count.

        Raises ValueError when votes on built-in models are mixed with votes on others, and when a
        person's vote on a duel occurs twice.
        """
        table = votes if isinstance(votes, VoteTable) else VoteTable.of(votes)
        rows = _in_order(table.rows[table.rows["excluded"] < 0])
        if len(rows) and (rows["built_in"] != rows["built_in"][0]).any():
            raise ValueError(
                "Votes on built-in models are never mixed with votes on others. Split them first."
            )
        # Codes follow the values' order, so that results do not depend on the order of votes.
        arms, (arm_a, arm_b) = _renumbered(table.arms, rows["a"], rows["b"])
        tag_sets, (tag_set,) = _renumbered(table.tag_sets, rows["tags"])
        diffusion = np.array([arm.mode is Mode.DIFFUSION for arm in arms], dtype=bool)
        side = np.where(diffusion[arm_a], A, B) if arms else arm_a
        if arms:
            side = np.where(diffusion[arm_a] == diffusion[arm_b], -1, side)
        return cls(
            duel=np.unique(rows["duel"], return_inverse=True)[1],
            voter=np.unique(rows["voter"], return_inverse=True)[1],
            choice=rows["choice"].astype(np.int64),
            diffusion_side=side,
            arm_a=arm_a,
            arm_b=arm_b,
            seconds=rows["seconds"].copy(),
            requester=rows["requester"].copy(),
            tag_set=tag_set,
            arms=arms,
            tag_sets=tag_sets,
        )

    def __len__(self) -> int:
        return len(self.choice)

    @property
    def between_modes(self) -> Bools:
        """Mask [n] of the votes on one mode against the other."""
        return np.asarray(self.diffusion_side >= 0)

    @property
    def decisive(self) -> Bools:
        """Mask [n] of the votes that preferred one mode to the other."""
        return np.asarray(self.between_modes & (self.choice <= B))

    @property
    def diffusion_won(self) -> Bools:
        """Mask [n] of the votes that preferred diffusion."""
        return np.asarray(self.between_modes & (self.choice == self.diffusion_side))

    def counts(self, where: Bools | None = None) -> Counts:
        """Count the votes on one mode against the other by outcome, within a mask [n] where one is given."""
        mask = self.between_modes if where is None else self.between_modes & where
        won = int((self.diffusion_won & mask).sum())
        return Counts(
            diffusion=won,
            ar=int((self.decisive & mask).sum()) - won,
            both_good=int(((self.choice == BOTH_GOOD) & mask).sum()),
            both_bad=int(((self.choice == BOTH_BAD) & mask).sum()),
        )


def distinct(codes: Ints) -> int:
    """Return the number of distinct codes; codes from 0."""
    return int(np.count_nonzero(np.bincount(codes)))


def _in_order(rows: Rows) -> Rows:
    """Return the rows by duel and voter. Raises ValueError where both occur twice."""
    duel, voter = rows["duel"], rows["voter"]
    if _sorted(duel, voter):
        return rows
    order = np.lexsort((voter, duel))
    duel, voter = duel[order], voter[order]
    if ((np.diff(duel) == 0) & (np.diff(voter) == 0)).any():
        raise ValueError("A person has one vote a duel, but one occurs twice.")
    return rows[order]


def _sorted(duel: Ints, voter: Ints) -> bool:
    """Return whether rows ascend strictly by duel and voter, which also rules out duplicates."""
    step = np.diff(duel)
    return bool(((step > 0) | ((step == 0) & (np.diff(voter) > 0))).all())


def _renumbered(values: Sequence[_T], *columns: npt.NDArray[np.int32]) -> tuple[tuple[_T, ...], list[Ints]]:
    """Return the values that occur, sorted, and the columns as indices of those."""
    used = np.unique(np.concatenate(columns)).tolist()
    by_rank = sorted(used, key=lambda code: values[code])
    rank = np.zeros(len(values), dtype=np.int64)
    rank[by_rank] = np.arange(len(by_rank))
    return tuple(values[code] for code in by_rank), [rank[column] for column in columns]
