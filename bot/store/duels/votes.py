"""Votes on duels, the voters' feedback, and the consents to the export."""

from __future__ import annotations

import json
from dataclasses import dataclass

from bot.arena.votes import DAY, Choice, ExcludedReason, Feedback
from bot.errors import NotFound
from bot.store.database import Database, one
from bot.store.duels.model import DuelState


@dataclass(frozen=True, slots=True)
class VotingFacts:
    """The facts by which one person's vote on one duel is judged.

    posted_at: Discord's Unix time of the duel's message.  closes_at: Unix time by the bot's clock.
    seconds: length of one clip.  voted: whether the person has a vote there.
    counted_today: number of their votes on any duel that count and were cast within a day before the vote.
    requester: whether they started the duel.
    """

    posted_at: float
    closes_at: float
    seconds: float
    voted: bool
    counted_today: int
    requester: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """The result of a closed duel: counted votes by choice, and the number of excluded ones."""

    counted: dict[str, int]
    excluded: int


class Votes:
    """The votes. The primary key (duel, voter) allows one vote a person and duel."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def facts(self, duel_id: int, voter_id: int, cast_at: float) -> VotingFacts | None:
        """Return the facts about a vote cast at `cast_at` (Discord's Unix time); None on no open duel."""
        row = await self._db.read_one(
            _SELECT_FACTS, {"id": duel_id, "voter_id": voter_id, "cast_at": cast_at, "day": DAY}
        )
        if row is None:
            return None
        return VotingFacts(
            row["posted_at"],
            row["closes_at"],
            row["seconds"],
            bool(row["voted"]),
            row["counted_today"],
            bool(row["requester"]),
        )

    async def insert(
        self,
        duel_id: int,
        voter_id: int,
        choice: Choice,
        *,
        cast_at: float,
        excluded_reason: ExcludedReason | None,
        counted_today: int,
        full_at: int,
        now: float,
    ) -> DuelState | None:
        """Store a judged vote and return the duel's state after it; None where the facts have changed.

        The facts have changed where the duel no longer takes votes, the person has a vote there, or another
        of their votes was stored meanwhile, so that `counted_today` is out of date.
        full_at: number of counted votes that closes the duel, 0 for none.  now: Unix time by the bot's clock.
        """
        vote = {
            "id": duel_id,
            "voter_id": voter_id,
            "choice": choice,
            "cast_at": cast_at,
            "excluded_reason": excluded_reason,
            "counted_today": counted_today,
            "day": DAY,
            "full_at": full_at,
            "now": now,
        }
        async with self._db.write() as tx:
            if await one(tx, _INSERT_VOTE, vote) is None:
                return None
            closed = await one(tx, _CLOSE_FULL, vote)
        return DuelState.CLOSED if closed else DuelState.OPEN

    async def set_feedback(self, duel_id: int, voter_id: int, feedback: Feedback) -> None:
        """Attach feedback to a vote, in place of any earlier one.

        Raises NotFound where there is no such vote, or the duel is closed: by then the sides are known.
        """
        values = {
            "duel_id": duel_id,
            "voter_id": voter_id,
            "reasons": json.dumps(feedback.reasons),
            "line": feedback.line,
            "score_a": feedback.score_a,
            "score_b": feedback.score_b,
        }
        async with self._db.write() as tx:
            if await one(tx, _UPDATE_FEEDBACK, values) is None:
                raise NotFound("Vote first. You can say why until the duel closes.")

    async def tally(self, duel_id: int) -> Tally:
        """Return the result of a duel. Raises NotFound while it is open: a running tally would sway votes."""
        rows = await self._db.read(_SELECT_TALLY, {"id": duel_id})
        if not rows:
            raise NotFound("The votes are counted when the duel closes.")
        counted = {row["choice"]: row["n"] for row in rows if row["choice"] and row["counts"]}
        return Tally(counted, sum(row["n"] for row in rows if row["choice"] and not row["counts"]))

    async def set_consent(self, user_id: int, now: float, *, consents: bool) -> None:
        """Record whether a person consents to the export of their votes and prompts."""
        sql = _INSERT_CONSENT if consents else _DELETE_CONSENT
        await self._db.change(sql, {"user_id": user_id, "now": now})

    async def has_consented(self, user_id: int) -> bool:
        """Return whether a person consents to the export."""
        sql = "SELECT 1 FROM vote_consents WHERE user_id = :user_id"
        return await self._db.read_one(sql, {"user_id": user_id}) is not None

    async def count_of(self, user_id: int) -> int:
        """Return the number of a person's stored votes."""
        row = await self._db.read_one(
            "SELECT count(*) AS n FROM duel_votes WHERE voter_id = :user_id", {"user_id": user_id}
        )
        return row["n"] if row else 0

    async def delete_of(self, user_id: int) -> int:
        """Delete a person's votes with their feedback, and their consent; return the number of votes."""
        async with self._db.write() as tx:
            deleted = await (await tx.execute(_DELETE_VOTES, {"user_id": user_id})).fetchall()
            await tx.execute(_DELETE_CONSENT, {"user_id": user_id})
        return len(list(deleted))


_COUNTED_TODAY = """
(SELECT count(*) FROM duel_votes
 WHERE voter_id = :voter_id AND cast_at > :cast_at - :day AND excluded_reason IS NULL)
"""
_SELECT_FACTS = f"""
SELECT posted_at, closes_at, seconds, {_COUNTED_TODAY} AS counted_today, user_id = :voter_id AS requester,
       EXISTS (SELECT 1 FROM duel_votes WHERE duel_id = duels.id AND voter_id = :voter_id) AS voted
FROM duels WHERE id = :id AND state = 'open'
"""
# The vote was judged by facts that were read outside of this transaction, so it is stored only where they
# still hold; `state` also keeps a vote out of a duel that another vote or a person has just closed.
_INSERT_VOTE = f"""
INSERT INTO duel_votes (duel_id, voter_id, choice, cast_at, seconds_to_vote, requester, excluded_reason)
SELECT id, :voter_id, :choice, :cast_at, max(0.0, :cast_at - posted_at), user_id = :voter_id, :excluded_reason
FROM duels WHERE id = :id AND state = 'open' AND :now < closes_at AND {_COUNTED_TODAY} = :counted_today
ON CONFLICT DO NOTHING RETURNING duel_id
"""
_CLOSE_FULL = """
UPDATE duels SET state = 'closed', closed_at = :now
WHERE id = :id AND state = 'open' AND :full_at > 0
  AND (SELECT count(*) FROM duel_votes WHERE duel_id = :id AND excluded_reason IS NULL) >= :full_at
RETURNING id
"""
_UPDATE_FEEDBACK = """
UPDATE duel_votes SET reasons = :reasons, line = :line, score_a = :score_a, score_b = :score_b
WHERE duel_id = :duel_id AND voter_id = :voter_id
  AND (SELECT state FROM duels WHERE id = :duel_id) = 'open'
RETURNING duel_id
"""
_SELECT_TALLY = """
SELECT choice, excluded_reason IS NULL AS counts, count(duel_votes.duel_id) AS n
FROM duels LEFT JOIN duel_votes ON duel_id = duels.id
WHERE duels.id = :id AND state IN ('closed', 'revealed')
GROUP BY choice, counts
"""
_INSERT_CONSENT = "INSERT INTO vote_consents VALUES (:user_id, :now) ON CONFLICT DO NOTHING"
_DELETE_CONSENT = "DELETE FROM vote_consents WHERE user_id = :user_id"
_DELETE_VOTES = "DELETE FROM duel_votes WHERE voter_id = :user_id RETURNING duel_id"
