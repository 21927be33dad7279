"""Stored votes as columns, excluded ones included: building 100,000 objects would take seconds."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from bot.arena.votes import DAY, Arm, Choice, ExcludedReason, Exclusions, Vote

Rows = npt.NDArray[np.void]
"""[n], of ROW."""

ROW = np.dtype(
    [
        ("duel", np.int64),
        ("voter", np.int64),
        ("cast_at", np.float64),
        ("seconds", np.float64),
        ("a", np.int32),
        ("b", np.int32),
        ("tags", np.int32),
        ("choice", np.int8),
        ("excluded", np.int8),
        ("requester", np.bool_),
        ("built_in", np.bool_),
    ],
    align=True,
)
"""duel, voter: ids.  a, b: index into arms.  tags: index into tag_sets.  choice: as in CHOICE.
excluded: as in EXCLUDED.  The others as in Vote."""

CHOICE = {choice: code for code, choice in enumerate(Choice)}
EXCLUDED: dict[ExcludedReason | None, int] = {None: -1} | {r: code for code, r in enumerate(ExcludedReason)}

Tags = tuple[str, ...]
"""Topics of a prompt, sorted, without duplicates."""

_T = TypeVar("_T", bound=Hashable)


class Codes(Generic[_T]):
    """Assigns codes from 0 to values in the order of their first occurrence."""

    def __init__(self) -> None:
        self._codes: dict[_T, int] = {}

    def of(self, value: _T) -> int:
        """Return a value's code."""
        return self._codes.setdefault(value, len(self._codes))

    def values(self) -> tuple[_T, ...]:
        """Return the values by code."""
        return tuple(self._codes)


@dataclass(frozen=True, slots=True)
class VoteTable:
    """Votes, one row each, in any order."""

    rows: Rows
    arms: tuple[Arm, ...]
    tag_sets: tuple[Tags, ...]

    @classmethod
    def of(cls, votes: Iterable[Vote]) -> VoteTable:
        """Build from vote objects."""
        arms, tags = Codes[Arm](), Codes[Tags]()
        rows: list[Any] = [
            (
                vote.duel,
                vote.voter,
                vote.cast_at,
                vote.seconds,
                arms.of(vote.a),
                arms.of(vote.b),
                tags.of(tuple(sorted(set(vote.tags)))),
                CHOICE[vote.choice],
                EXCLUDED[vote.excluded_reason],
                vote.requester,
                vote.built_in,
            )
            for vote in votes
        ]
        return cls(np.array(rows, dtype=ROW), arms.values(), tags.values())

    def family(self, built_in: bool) -> VoteTable:
        """Return the votes on built-in models alone, or those on others."""
        here = self.rows["built_in"] == built_in
        return self if here.all() else replace(self, rows=self.rows[here])

    def exclusions(self, now: float, window: float = 7 * DAY) -> Exclusions:
        """Count the excluded votes, overall and in the `window` seconds before `now` (Unix time)."""
        late = self.rows["cast_at"] > now - window
        excluded = self.rows["excluded"] >= 0
        of_reason = np.bincount(self.rows["excluded"][excluded], minlength=len(ExcludedReason)).tolist()
        return Exclusions.counted(
            votes=len(self.rows),
            reasons={reason: n for reason, n in zip(ExcludedReason, of_reason, strict=True) if n},
            recent=int(late.sum()),
            recent_excluded=int((late & excluded).sum()),
        )
