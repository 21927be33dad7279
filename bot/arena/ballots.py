"""Votes as columns: what the fits read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bot.arena.results import Counts
from bot.arena.votes import Arm, Choice, Vote
from bot.recipe import Mode

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]

_CHOICES = {choice: code for code, choice in enumerate(Choice)}
A, B, BOTH_GOOD, BOTH_BAD = _CHOICES.values()


@dataclass(frozen=True, slots=True)
class Ballots:
    """The votes that count, one row each, sorted by duel and voter so that their order cannot matter.

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
    tag_sets: tuple[frozenset[str], ...]

    @classmethod
    def of(cls, votes: Iterable[Vote]) -> Ballots:
        """Take the votes that count.

        Raises ValueError when votes on built-in models are mixed with votes on others, and when a
        person's vote on a duel occurs twice.
        """
        rows = [vote for vote in votes if vote.excluded_reason is None]
        if len({vote.built_in for vote in rows}) > 1:
            raise ValueError(
                "Votes on built-in models are never mixed with votes on others. Split them first."
            )
        duel_ids = np.array([vote.duel for vote in rows], dtype=np.int64)
        voter_ids = np.array([vote.voter for vote in rows], dtype=np.int64)
        order = np.lexsort((voter_ids, duel_ids))
        duel = np.unique(duel_ids[order], return_inverse=True)[1]
        voter = np.unique(voter_ids[order], return_inverse=True)[1]
        if ((np.diff(duel) == 0) & (np.diff(voter) == 0)).any():
            raise ValueError("A person has one vote a duel, but one occurs twice.")
        # Looked up by identity: votes of a duel share their arms, and hashing each anew took half the time.
        objects = {id(vote.a): vote.a for vote in rows} | {id(vote.b): vote.b for vote in rows}
        arms = tuple(sorted(set(objects.values())))
        code = {arm: i for i, arm in enumerate(arms)}
        index = {key: code[arm] for key, arm in objects.items()}
        written = {vote.tags for vote in rows}
        tag_sets = tuple(sorted({frozenset(tags) for tags in written}, key=sorted))
        set_code = {tags: i for i, tags in enumerate(tag_sets)}
        tag_index = {tags: set_code[frozenset(tags)] for tags in written}
        arm_a = _column([index[id(vote.a)] for vote in rows])[order]
        arm_b = _column([index[id(vote.b)] for vote in rows])[order]
        diffusion = np.array([arm.mode is Mode.DIFFUSION for arm in arms], dtype=bool)
        side = np.where(diffusion[arm_a], A, B) if arms else arm_a
        if arms:
            side = np.where(diffusion[arm_a] == diffusion[arm_b], -1, side)
        return cls(
            duel=duel,
            voter=voter,
            choice=_column([_CHOICES[vote.choice] for vote in rows])[order],
            diffusion_side=side,
            arm_a=arm_a,
            arm_b=arm_b,
            seconds=np.array([vote.seconds for vote in rows], dtype=np.float64)[order],
            requester=np.array([vote.requester for vote in rows], dtype=bool)[order],
            tag_set=_column([tag_index[vote.tags] for vote in rows])[order],
            arms=arms,
            tag_sets=tag_sets,
        )

    def __len__(self) -> int:
        return len(self.choice)

    @property
    def between_modes(self) -> Bools:
        """Return which votes were on one mode against the other, [n]."""
        return np.asarray(self.diffusion_side >= 0)

    @property
    def decisive(self) -> Bools:
        """Return which votes preferred one mode to the other, [n]."""
        return np.asarray(self.between_modes & (self.choice <= B))

    @property
    def diffusion_won(self) -> Bools:
        """Return which votes went to diffusion, [n]."""
        return np.asarray(self.between_modes & (self.choice == self.diffusion_side))

    def counts(self, where: Bools | None = None) -> Counts:
        """Count the votes on one mode against the other by what they said, all or those of a mask [n]."""
        mask = self.between_modes if where is None else self.between_modes & where
        won = int((self.diffusion_won & mask).sum())
        return Counts(
            diffusion=won,
            ar=int((self.decisive & mask).sum()) - won,
            both_good=int(((self.choice == BOTH_GOOD) & mask).sum()),
            both_bad=int(((self.choice == BOTH_BAD) & mask).sum()),
        )


def _column(codes: list[int]) -> Ints:
    return np.array(codes, dtype=np.int64)
