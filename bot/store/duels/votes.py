"""Votes on duels, what people said of them, and who agreed to have theirs given to researchers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bot.errors import NotFound, StoreError, UserError
from bot.store.database import Database, Row, one
from bot.store.duels.model import DuelState

Judge = Callable[[float, float, int], str | None]
"""From seconds to the vote, seconds of one clip, and how many of the voter's votes counted within a day to
the reason why this one does not count, or None."""


@dataclass(frozen=True, slots=True)
class Cast:
    """A vote that was stored. full: it was the last one the duel waited for, which is now closed."""

    choice: str
    seconds_to_vote: float
    excluded_reason: str | None
    full: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """How a closed duel ended: counted votes by choice, and how many are stored but not counted."""

    counted: dict[str, int]
    excluded: int


@dataclass(frozen=True, slots=True)
class StoredVote:
    """A vote on a closed duel with what is known of both, as plain values. cast_at: Unix time."""

    duel_id: int
    voter_id: int
    choice: str
    cast_at: float
    seconds_to_vote: float
    requester: bool
    excluded_reason: str | None
    reasons: tuple[str, ...]
    line: str
    score_a: int | None
    score_b: int | None
    consented: bool


@dataclass(frozen=True, slots=True)
class ClosedDuel:
    """What was voted on."""

    id: int
    guild_id: int
    prompt: str
    seconds: float
    tags: tuple[str, ...]
    built_in: bool
    mode_a: str
    model_a: str
    mode_b: str
    model_b: str
    prompt_consented: bool


class Votes:
    """The votes. A person has one a duel, for good: the primary key says so."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def cast(
        self,
        duel_id: int,
        voter_id: int,
        choice: str,
        now: float,
        *,
        earliest: float,
        full_at: int,
        judge: Judge,
    ) -> Cast:
        """Store a vote. now: when the person tapped, by the clock that timed the duel's message.

        earliest: seconds from the message before which nobody can have heard both.  full_at: the number
        of counted votes that closes the duel, 0 for none.
        Raises NotFound where the duel takes no votes, UserError for a second vote or one too early.
        """
        async with self._db.write() as tx:
            duel = await one(await tx.execute(_VOTABLE, {"id": duel_id, "voter_id": voter_id, "now": now}))
            if duel is None or duel["state"] != DuelState.OPEN or now >= duel["closes_at"]:
                raise NotFound("This duel takes no more votes.")
            waited = max(0.0, now - duel["posted_at"])
            if duel["mine"] is None and waited < earliest:
                raise UserError(
                    "Nobody can have heard both in that time. Listen to A and B, then vote; "
                    f"votes are taken {earliest:g} s after the duel was posted."
                )
            reason = judge(waited, duel["seconds"], duel["today"])
            vote = {
                "duel_id": duel_id,
                "voter_id": voter_id,
                "choice": choice,
                "now": now,
                "waited": waited,
                "requester": voter_id == duel["user_id"],
                "reason": reason,
            }
            if await one(await tx.execute(_CAST, vote)) is None:
                raise UserError("You have voted on this duel. One vote a person, and it is final.")
            full = await one(await tx.execute(_CLOSE_FULL, {"id": duel_id, "full_at": full_at, "now": now}))
        return Cast(choice, waited, reason, full is not None)

    async def why(
        self,
        duel_id: int,
        voter_id: int,
        *,
        reasons: tuple[str, ...],
        line: str,
        score_a: int | None,
        score_b: int | None,
    ) -> None:
        """Add what the voter says of their vote; said again, it replaces what was there.

        Raises NotFound where they have not voted, or the duel is closed: by then they know the sides.
        """
        said = {
            "duel_id": duel_id,
            "voter_id": voter_id,
            "reasons": json.dumps(reasons),
            "line": line,
            "score_a": score_a,
            "score_b": score_b,
        }
        async with self._db.write() as tx:
            if await one(await tx.execute(_WHY, said)) is None:
                raise NotFound("That can be said after voting and until the duel closes.")

    async def tally(self, duel_id: int) -> Tally:
        """Return how a duel ended. Raises NotFound while it takes votes: nobody is told a running tally."""
        rows = await self._db.read(_TALLY, {"id": duel_id})
        if not rows:
            raise NotFound("The votes are counted when the duel closes.")
        counted = {row["choice"]: row["n"] for row in rows if row["choice"] and row["counts"]}
        return Tally(counted, sum(row["n"] for row in rows if row["choice"] and not row["counts"]))

    async def consent(self, user_id: int, now: float, *, agrees: bool) -> None:
        """Record whether a person's votes and prompts may be given to researchers."""
        sql = _CONSENT if agrees else "DELETE FROM vote_consents WHERE user_id = :user_id"
        async with self._db.write() as tx:
            await tx.execute(sql, {"user_id": user_id, "now": now})

    async def consented(self, user_id: int) -> bool:
        """Tell whether a person agreed to that."""
        sql = "SELECT 1 FROM vote_consents WHERE user_id = :user_id"
        return await self._db.read_one(sql, {"user_id": user_id}) is not None

    async def count_of(self, user_id: int) -> int:
        """Return how many votes of a person are stored."""
        row = await self._db.read_one(
            "SELECT count(*) AS n FROM duel_votes WHERE voter_id = :user_id", {"user_id": user_id}
        )
        return row["n"] if row else 0

    async def forget(self, user_id: int) -> int:
        """Delete a person's votes, what they said of them, and their consent; return how many votes."""
        async with self._db.write() as tx:
            gone = await (await tx.execute(_FORGET, {"user_id": user_id})).fetchall()
            await tx.execute("DELETE FROM vote_consents WHERE user_id = :user_id", {"user_id": user_id})
        return len(list(gone))


class VoteReader:
    """Reads the votes of closed duels, for a program beside the bot. Use as a context manager."""

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
        """Close the file."""
        self._connection.close()

    def closed_duels(self, ids: Collection[int] | None = None) -> list[ClosedDuel]:
        """Return the duels on which voting is over, those with these ids or all."""
        return [_closed(row) for row in self._rows(_CLOSED_DUELS, {"ids": _listed(ids)})]

    def vote_counts(self, guild_id: int | None = None) -> dict[int, int]:
        """Return how many votes are stored on each closed duel of one server, or of all."""
        return {row["id"]: row["votes"] for row in self._rows(_VOTE_COUNTS, {"guild_id": guild_id})}

    def cast_on(self, ids: Collection[int]) -> list[Row]:
        """Return all votes on these duels, by duel and voter, as values alone: there may be very many.

        Each row: duel, voter, choice, cast_at, requester (0 or 1), excluded_reason.
        """
        return list(self._rows(_CAST_ON, {"ids": _listed(ids)}))

    def votes_on(self, duel_id: int) -> list[StoredVote]:
        """Return all votes on a duel, those that do not count among them."""
        return [_stored(row) for row in self._rows(_VOTES_ON, {"id": duel_id})]

    def _rows(self, sql: str, parameters: dict[str, object]) -> Iterator[Row]:
        try:
            with closing(self._connection.execute(sql, parameters)) as cursor:
                yield from cursor
        except sqlite3.Error as error:
            raise StoreError(f"The votes cannot be read: {error}.") from error


_VOTABLE = """
SELECT state, posted_at, closes_at, seconds, user_id,
       (SELECT choice FROM duel_votes WHERE duel_id = duels.id AND voter_id = :voter_id) AS mine,
       (SELECT count(*) FROM duel_votes
        WHERE voter_id = :voter_id AND cast_at > :now - 86400 AND excluded_reason IS NULL) AS today
FROM duels WHERE id = :id
"""
_CAST = """
INSERT INTO duel_votes (duel_id, voter_id, choice, cast_at, seconds_to_vote, requester, excluded_reason)
VALUES (:duel_id, :voter_id, :choice, :now, :waited, :requester, :reason)
ON CONFLICT DO NOTHING RETURNING duel_id
"""
_CLOSE_FULL = """
UPDATE duels SET state = 'closed', closed_at = :now
WHERE id = :id AND state = 'open' AND :full_at > 0
  AND (SELECT count(*) FROM duel_votes WHERE duel_id = :id AND excluded_reason IS NULL) >= :full_at
RETURNING id
"""
_WHY = """
UPDATE duel_votes SET reasons = :reasons, line = :line, score_a = :score_a, score_b = :score_b
WHERE duel_id = :duel_id AND voter_id = :voter_id
  AND (SELECT state FROM duels WHERE id = :duel_id) = 'open'
RETURNING duel_id
"""
_TALLY = """
SELECT choice, excluded_reason IS NULL AS counts, count(duel_votes.duel_id) AS n
FROM duels LEFT JOIN duel_votes ON duel_id = duels.id
WHERE duels.id = :id AND state IN ('closed', 'revealed')
GROUP BY choice, counts
"""
_CONSENT = "INSERT INTO vote_consents VALUES (:user_id, :now) ON CONFLICT DO NOTHING"
_FORGET = "DELETE FROM duel_votes WHERE voter_id = :user_id RETURNING duel_id"
_CLOSED_DUELS = """
SELECT duels.id, guild_id, prompt, seconds, tags, built_in,
       a.mode AS mode_a, a.model AS model_a, b.mode AS mode_b, b.model AS model_b,
       EXISTS (SELECT 1 FROM vote_consents WHERE vote_consents.user_id = duels.user_id) AS prompt_consented
FROM duels
JOIN duel_sides AS a ON a.duel_id = duels.id AND a.side = 'a'
JOIN duel_sides AS b ON b.duel_id = duels.id AND b.side = 'b'
WHERE state IN ('closed', 'revealed')
  AND (:ids IS NULL OR duels.id IN (SELECT value FROM json_each(:ids)))
ORDER BY duels.id
"""
_VOTE_COUNTS = """
SELECT id, (SELECT count(*) FROM duel_votes WHERE duel_id = duels.id) AS votes FROM duels
WHERE state IN ('closed', 'revealed') AND (:guild_id IS NULL OR guild_id = :guild_id)
ORDER BY id
"""
_CAST_ON = """
SELECT duel_id, voter_id, choice, cast_at, requester, excluded_reason FROM duel_votes
WHERE duel_id IN (SELECT value FROM json_each(:ids)) ORDER BY duel_id, voter_id
"""
_VOTES_ON = """
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
        mode_a=row["mode_a"],
        model_a=row["model_a"],
        mode_b=row["mode_b"],
        model_b=row["model_b"],
        prompt_consented=bool(row["prompt_consented"]),
    )


def _stored(row: Row) -> StoredVote:
    return StoredVote(
        duel_id=row["duel_id"],
        voter_id=row["voter_id"],
        choice=row["choice"],
        cast_at=row["cast_at"],
        seconds_to_vote=row["seconds_to_vote"],
        requester=bool(row["requester"]),
        excluded_reason=row["excluded_reason"],
        reasons=tuple(json.loads(row["reasons"])),
        line=row["line"],
        score_a=row["score_a"],
        score_b=row["score_b"],
        consented=bool(row["consented"]),
    )
