"""The votes of closed duels in memory: read once, and of every later look only what has changed.

Votes on a closed duel never change, they are only deleted; so what was read of a duel is read again only
where the number of its votes differs.
"""

from __future__ import annotations

import numpy as np

from bot.arena.table import CHOICE, EXCLUDED, ROW, Codes, Rows, Tags, VoteTable
from bot.arena.votes import Arm
from bot.leaderboard.convert import arms
from bot.store.duels.votes import VoteReader

_CHOICE = {choice.value: code for choice, code in CHOICE.items()}
_EXCLUDED = {reason.value if reason else None: code for reason, code in EXCLUDED.items()}


class VoteCache:
    """One reader's votes as columns, by duel and voter."""

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
        """Read all votes on these duels."""
        if not stale:
            return
        fresh = self._read(stale)
        kept = self._rows[~np.isin(self._rows["duel"], list(stale))]
        rows = np.concatenate([kept, fresh])
        self._rows = rows[np.argsort(rows["duel"], kind="stable")]
        duels, votes = np.unique(fresh["duel"], return_counts=True)
        self._counts |= dict.fromkeys(stale, 0) | dict(zip(duels.tolist(), votes.tolist(), strict=True))

    def _read(self, duels: set[int]) -> Rows:
        cast = self._reader.cast_on(duels)
        rows = np.zeros(len(cast), ROW)
        if not cast:
            return rows
        duel, voter, choice, cast_at, requester, excluded = zip(*cast, strict=True)
        rows["duel"], rows["voter"], rows["cast_at"], rows["requester"] = duel, voter, cast_at, requester
        rows["choice"] = [_CHOICE[one] for one in choice]
        rows["excluded"] = [_EXCLUDED[one] for one in excluded]
        for found in self._reader.closed_duels(duels):
            here = slice(*np.searchsorted(rows["duel"], [found.id, found.id + 1]))
            a, b = arms(found)
            rows["a"][here], rows["b"][here] = self._arms.of(a), self._arms.of(b)
            rows["tags"][here] = self._tags.of(tuple(sorted(set(found.tags))))
            rows["seconds"][here], rows["built_in"][here] = found.seconds, found.built_in
        return rows
