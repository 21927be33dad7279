"""An in-memory cache of the votes on closed duels, refreshed incrementally.

Votes on a closed duel never change, they are only deleted. So a duel's votes are read again exactly where
their number differs from the cached one.
"""

from __future__ import annotations

import numpy as np

from bot.arena.table import CHOICE, EXCLUDED, ROW, Codes, Rows, Tags, VoteTable
from bot.arena.votes import Arm
from bot.leaderboard.vote_reader import VoteReader

_CHOICE = {choice.value: code for choice, code in CHOICE.items()}
_EXCLUDED = {reason.value if reason else None: code for reason, code in EXCLUDED.items()}


class VoteCache:
    """The votes of one reader as columns, sorted by duel and voter."""

    def __init__(self, reader: VoteReader) -> None:
        self._reader = reader
        self._arms = Codes[Arm]()
        self._tags = Codes[Tags]()
        self._rows = np.zeros(0, ROW)
        self._counts: dict[int, int] = {}

    def votes(self, guild_id: int | None) -> VoteTable:
        """Return the votes of one server, or of all."""
        counts = self._reader.vote_counts(guild_id)
        self._update({duel for duel, votes in counts.items() if votes != self._counts.get(duel, 0)})
        rows = self._rows
        if len(rows) != sum(counts.values()):
            rows = rows[np.isin(rows["duel"], list(counts))]
        return VoteTable(rows, self._arms.values(), self._tags.values())

    def _update(self, stale: set[int]) -> None:
        """Replace the cached votes on these duels."""
        if not stale:
            return
        fresh = self._read(stale)
        kept = self._rows[~np.isin(self._rows["duel"], list(stale))]
        rows = np.concatenate([kept, fresh])
        self._rows = rows[np.argsort(rows["duel"], kind="stable")]
        duels, votes = np.unique(fresh["duel"], return_counts=True)
        self._counts |= dict.fromkeys(stale, 0) | dict(zip(duels.tolist(), votes.tolist(), strict=True))

    def _read(self, duels: set[int]) -> Rows:
        found = self._reader.vote_rows(duels)
        rows = np.zeros(len(found), ROW)
        if not found:
            return rows
        duel, voter, choice, cast_at, requester, excluded = zip(*found, strict=True)
        rows["duel"], rows["voter"], rows["cast_at"], rows["requester"] = duel, voter, cast_at, requester
        rows["choice"] = [_CHOICE[one] for one in choice]
        rows["excluded"] = [_EXCLUDED[one] for one in excluded]
        for closed in self._reader.closed_duels(duels):
            here = slice(*np.searchsorted(rows["duel"], [closed.id, closed.id + 1]))
            rows["a"][here], rows["b"][here] = self._arms.of(closed.a), self._arms.of(closed.b)
            rows["tags"][here] = self._tags.of(tuple(sorted(set(closed.tags))))
            rows["seconds"][here], rows["built_in"][here] = closed.seconds, closed.built_in
        return rows
