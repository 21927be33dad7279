"""Synchronous, read-only access to the votes of closed duels, for processes beside the bot."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bot.arena.votes import Arm, Choice, ExcludedReason, Feedback, Vote
from bot.errors import StoreError
from bot.hub.naming import model_name
from bot.recipe import Mode
from bot.store.database import Row


@dataclass(frozen=True, slots=True)
class ClosedDuel:
    """The facts about a duel that its votes share.

    prompt: None without its author's consent.  a, b: a model that is a folder has the folder's name alone, as
    members see it, for its path names the owner.
    """

    id: int
    guild_id: int
    prompt: str | None
    seconds: float
    tags: tuple[str, ...]
    built_in: bool
    a: Arm
    b: Arm


class VoteReader:
    """Reads the votes of closed duels. A context manager."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise StoreError(f"There is no database at {path}.")
        try:
            self._connection = sqlite3.connect(path.resolve().as_uri() + "?mode=ro", uri=True, timeout=5)
        except sqlite3.Error as error:
            raise StoreError(f"The database {path} cannot be read: {error}.") from error
        self._connection.row_factory = sqlite3.Row

    def __enter__(self) -> VoteReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database connection."""
        self._connection.close()

    def closed_duels(self, ids: Collection[int] | None = None) -> list[ClosedDuel]:
        """Return the duels on which voting is over, by id; all of them, or those among `ids`."""
        return [_closed(row) for row in self._rows(_SELECT_CLOSED, {"ids": _listed(ids)})]

    def vote_counts(self, guild_id: int | None = None) -> dict[int, int]:
        """Return the number of votes stored on each closed duel of one server, or of all."""
        return {row["id"]: row["votes"] for row in self._rows(_COUNT_VOTES, {"guild_id": guild_id})}

    def vote_rows(self, ids: Collection[int]) -> list[Row]:
        """Return all votes on these duels, by duel and voter, as plain rows, for there may be 100,000.

        Columns: duel_id, voter_id, choice, cast_at, requester (0 or 1), excluded_reason.
        """
        return list(self._rows(_SELECT_VOTE_ROWS, {"ids": _listed(ids)}))

    def votes_on(self, duel: ClosedDuel) -> list[Vote]:
        """Return all votes on a duel by voter, the excluded ones included."""
        return [_vote(duel, row) for row in self._rows(_SELECT_VOTES, {"id": duel.id})]

    def _rows(self, sql: str, parameters: dict[str, object]) -> Iterator[Row]:
        try:
            with closing(self._connection.execute(sql, parameters)) as cursor:
                yield from cursor
        except sqlite3.Error as error:
            raise StoreError(f"The votes cannot be read: {error}.") from error


_SELECT_CLOSED = """
SELECT duels.id, guild_id, seconds, tags, built_in,
       a.mode AS mode_a, a.model AS model_a, b.mode AS mode_b, b.model AS model_b,
       CASE WHEN EXISTS (SELECT 1 FROM vote_consents WHERE vote_consents.user_id = duels.user_id)
            THEN prompt END AS prompt
FROM duels
JOIN duel_sides AS a ON a.duel_id = duels.id AND a.side = 'a'
JOIN duel_sides AS b ON b.duel_id = duels.id AND b.side = 'b'
WHERE state IN ('closed', 'revealed')
  AND (:ids IS NULL OR duels.id IN (SELECT value FROM json_each(:ids)))
ORDER BY duels.id
"""
_COUNT_VOTES = """
SELECT id, (SELECT count(*) FROM duel_votes WHERE duel_id = duels.id) AS votes FROM duels
WHERE state IN ('closed', 'revealed') AND (:guild_id IS NULL OR guild_id = :guild_id)
ORDER BY id
"""
_SELECT_VOTE_ROWS = """
SELECT duel_id, voter_id, choice, cast_at, requester, excluded_reason FROM duel_votes
WHERE duel_id IN (SELECT value FROM json_each(:ids)) ORDER BY duel_id, voter_id
"""
_SELECT_VOTES = """
SELECT duel_votes.*, vote_consents.user_id IS NOT NULL AS consented
FROM duel_votes LEFT JOIN vote_consents ON vote_consents.user_id = voter_id
WHERE duel_id = :id ORDER BY voter_id
"""


def _listed(ids: Collection[int] | None) -> str | None:
    return None if ids is None else json.dumps(list(ids))


def _closed(row: Row) -> ClosedDuel:
    return ClosedDuel(
        id=row["id"],
        guild_id=row["guild_id"],
        prompt=row["prompt"],
        seconds=row["seconds"],
        tags=tuple(json.loads(row["tags"])),
        built_in=bool(row["built_in"]),
        a=Arm(Mode(row["mode_a"]), model_name(row["model_a"])),
        b=Arm(Mode(row["mode_b"]), model_name(row["model_b"])),
    )


def _vote(duel: ClosedDuel, row: Row) -> Vote:
    excluded = row["excluded_reason"]
    return Vote(
        duel=duel.id,
        voter=row["voter_id"],
        choice=Choice(row["choice"]),
        a=duel.a,
        b=duel.b,
        seconds=duel.seconds,
        seconds_to_vote=row["seconds_to_vote"],
        cast_at=row["cast_at"],
        built_in=duel.built_in,
        requester=bool(row["requester"]),
        tags=duel.tags,
        excluded_reason=ExcludedReason(excluded) if excluded else None,
        guild=duel.guild_id,
        prompt=duel.prompt,
        consented=bool(row["consented"]),
        feedback=Feedback(tuple(json.loads(row["reasons"])), row["line"], row["score_a"], row["score_b"]),
    )
