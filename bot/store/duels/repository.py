"""The repository of duels and their sides."""

from __future__ import annotations

import json
from collections.abc import Mapping

import aiosqlite

from bot.errors import LimitReached, NotFound
from bot.recipe import Recipe
from bot.store.database import Database, Transaction, fetch_one, one
from bot.store.duels.model import SIDES, AnswerShown, Duel, DuelSide, NewDuel, Side, duel_of, side_of
from bot.store.job_model import Job, Request
from bot.store.jobs import insert_job

_UNLIMITED = 1 << 30


class Duels:
    """Queries and state transitions. Each UPDATE names the state it leaves, so it does nothing twice."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def start(
        self, new: NewDuel, now: float, *, max_open: int, per_member: int, in_all: int
    ) -> tuple[Duel, list[Job]]:
        """Store a duel and queue both its jobs, in one transaction.

        Raises LimitReached where the member has `max_open` unfinished duels, or the queue has no room.
        """
        asked = new.sides["a"]

        def store(tx: Transaction) -> tuple[Duel, list[Job]]:
            row = fetch_one(
                tx,
                _INSERT_DUEL,
                {
                    "prompt": new.prompt,
                    "seconds": new.seconds,
                    "tags": json.dumps(new.tags, ensure_ascii=False),
                    "built_in": new.built_in,
                    "user_id": asked.user_id,
                    "guild_id": new.guild_id,
                    "channel_id": asked.channel_id,
                    "application_id": asked.application_id,
                    "interaction_token": asked.interaction_token or None,
                    "interaction_id": asked.interaction_id,
                    "answer_id": asked.answer_id,
                    "answer_ephemeral": asked.answer_ephemeral,
                    "max_bytes": asked.max_bytes,
                    "now": now,
                    "max_open": max_open,
                    "series_id": new.series.series_id if new.series else None,
                },
            )
            if row is None:
                raise LimitReached(
                    "You already have {max_open} duels running, which is the limit. End one with `/duel "
                    "close`, or wait until one is over.",
                    max_open=max_open,
                )
            jobs = []
            # Queued in an order of the recipes: /queue is public and must not reveal the sides.
            for side in sorted(SIDES, key=lambda s: _order(new.sides[s].recipe)):
                request = new.sides[side]
                job = insert_job(tx, request, now, per_member=per_member, in_all=in_all, in_duel=True)
                jobs.append(job)
                tx.execute(
                    _INSERT_SIDE,
                    {
                        "duel_id": row["id"],
                        "side": side,
                        "mode": request.recipe.mode,
                        "model": request.recipe.model,
                        "job_id": job.id,
                        "contender": new.series.contenders[side] if new.series else None,
                    },
                )
            return duel_of(row), jobs

        return await self._db.transact(store)

    async def get(self, duel_id: int) -> Duel:
        """Return one duel. Raises NotFound."""
        row = await self._db.read_one("SELECT * FROM duels WHERE id = :id", {"id": duel_id})
        if row is None:
            raise NotFound("There is no duel {duel_id}.", duel_id=duel_id)
        return duel_of(row)

    async def sides(self, duel_id: int) -> dict[Side, DuelSide]:
        """Return both sides with their jobs."""
        rows = await self._db.read(_SELECT_SIDES, {"id": duel_id})
        return {row["side"]: side_of(row) for row in rows}

    async def due(self, now: float) -> list[Duel]:
        """Return the duels whose next step or whose answer is due. now: Unix time by the bot's clock."""
        return [duel_of(row) for row in await self._db.read(_SELECT_DUE, {"now": now})]

    async def open_in(self, guild_id: int) -> list[Duel]:
        """Return a server's open duels by closing time."""
        return [duel_of(row) for row in await self._db.read(_SELECT_OPEN_IN_GUILD, {"guild_id": guild_id})]

    async def unfinished_in(self, guild_id: int) -> list[Duel]:
        """Return a server's duels that count against a member's limit, newest first."""
        rows = await self._db.read(_SELECT_UNFINISHED, {"guild_id": guild_id})
        return [duel_of(row) for row in rows]

    async def all_open(self) -> list[Duel]:
        """Return every open duel, oldest first."""
        return [duel_of(row) for row in await self._db.read(_SELECT_ALL_OPEN, {})]

    async def open_in_channel(self, channel_id: int) -> list[Duel]:
        """Return the open duels of a channel or thread."""
        rows = await self._db.read(
            "SELECT * FROM duels WHERE channel_id = :channel_id AND state = 'open' ORDER BY id",
            {"channel_id": channel_id},
        )
        return [duel_of(row) for row in rows]

    async def finished_in(self, guild_id: int, containing: str, limit: int) -> list[Duel]:
        """Return a server's closed duels, newest first, whose prompt contains a text in any case."""
        found = {"guild_id": guild_id, "containing": containing.casefold(), "limit": limit}
        return [duel_of(row) for row in await self._db.read(_SELECT_FINISHED, found)]

    async def retry(self, duel_id: int, side: DuelSide, request: Request, now: float) -> Job | None:
        """Queue a side again in place of its failed job; None where that was done already."""

        def store(tx: Transaction) -> Job | None:
            job = insert_job(tx, request, now, per_member=_UNLIMITED, in_all=_UNLIMITED, in_duel=True)
            about = {"duel_id": duel_id, "new": job.id, "old": side.job_id}
            if fetch_one(tx, _REPLACE_JOB, about) is None:
                tx.execute("DELETE FROM jobs WHERE id = :id", {"id": job.id})
                return None
            tx.execute("UPDATE jobs SET notified = 1 WHERE id = :id", {"id": side.job_id})
            return job

        return await self._db.transact(store)

    async def ready(self, duel_id: int, *, file_a: str, file_b: str, picture: str) -> Duel | None:
        """Record the neutral files of a rendering duel, which is then ready; None in another state."""
        return await self._move(
            _SET_READY, {"id": duel_id, "file_a": file_a, "file_b": file_b, "picture": picture}
        )

    async def posting(self, duel_id: int, now: float) -> float | None:
        """Record the time of a first attempt to post; return the one on record before, None at the first."""
        async with self._db.write() as tx:
            row = await one(tx, "SELECT posting_at FROM duels WHERE id = :id", {"id": duel_id})
            await tx.execute(_SET_DUEL_POSTING, {"id": duel_id, "now": now})
        first: float | None = row["posting_at"] if row else None
        return first

    async def answered(self, duel_id: int, answer_id: int) -> None:
        """Record the id of the original response."""
        async with self._db.write() as tx:
            await tx.execute(
                "UPDATE duels SET answer_id = :answer_id WHERE id = :id",
                {"id": duel_id, "answer_id": answer_id},
            )

    async def answer_shows(self, duel_id: int, shown: AnswerShown) -> None:
        """Record what the original response shows; once that is the open duel, the token is erased."""
        await self._db.change(_SET_ANSWER_SHOWN, {"id": duel_id, "shown": shown})

    async def shrink(self, duel_id: int, max_bytes: int) -> Duel | None:
        """Return an unposted duel to rendering, to make its neutral files again with a smaller limit."""
        return await self._move(_SET_SMALLER, {"id": duel_id, "max_bytes": max_bytes})

    async def token_over(self, duel_id: int) -> None:
        """Forget the interaction's token, which Discord no longer accepts."""
        await self._db.change("UPDATE duels SET interaction_token = NULL WHERE id = :id", {"id": duel_id})

    async def opened(self, duel_id: int, message_id: int, posted_at: float, closes_at: float) -> Duel | None:
        """Record the message of a ready duel, which is open then."""
        return await self._move(
            _SET_OPEN,
            {"id": duel_id, "message_id": message_id, "posted_at": posted_at, "closes_at": closes_at},
        )

    async def close(self, duel_id: int, now: float) -> Duel | None:
        """Close an open duel; None where it was not open."""
        return await self._move(_SET_CLOSED, {"id": duel_id, "now": now})

    async def revealed(self, duel_id: int, now: float) -> Duel | None:
        """Record that the sides were revealed; the duel's clips count as delivered by its message."""
        async with self._db.write() as tx:
            row = await one(tx, _SET_REVEALED, {"id": duel_id})
            if row is None:
                return None
            found = {"id": duel_id, "message_id": row["message_id"], "now": now}
            await tx.execute(_SET_JOBS_DELIVERED, found)
            await tx.execute(_SET_CLIP_MESSAGES, found)
        return duel_of(row)

    async def fail(self, duel_id: int, error: str, now: float) -> list[int] | None:
        """Fail a duel that is not open yet, and end its jobs. error: the reason, for the requester.

        Rendered clips stay in /history. Returns the ids of the jobs that were queued or running, whose
        rendering has to be stopped; None where the duel was open or over.
        """
        async with self._db.write() as tx:
            row = await one(tx, _SET_FAILED, {"id": duel_id, "error": error})
            return await end_jobs(tx, duel_id, error, now) if row else None

    async def notified(self, duel_id: int) -> None:
        """Record that the requester was notified of a failure, and erase the interaction's token."""
        await self._db.change(_SET_REQUESTER_NOTIFIED, {"id": duel_id})

    async def _move(self, sql: str, parameters: Mapping[str, object]) -> Duel | None:
        row = await self._db.change_one(sql, parameters)
        return duel_of(row) if row else None


async def end_jobs(tx: aiosqlite.Connection, duel_id: int, error: str, now: float) -> list[int]:
    """End the jobs of a failed duel within its transaction; return the ids of those queued or running.

    The duel's own notice covers them, so they count as notified.
    """
    about = {"id": duel_id, "error": error, "now": now}
    rows = list(await (await tx.execute(_CANCEL_OPEN_JOBS, about)).fetchall())
    await tx.execute(_FAIL_RENDERED_JOBS, about)
    return [row["id"] for row in rows]


_INSERT_DUEL = """
INSERT INTO duels (prompt, seconds, tags, built_in, user_id, guild_id, channel_id, application_id,
                   interaction_token, interaction_id, answer_id, answer_ephemeral, max_bytes, created_at,
                   series_id, answer_shown)
SELECT :prompt, :seconds, :tags, :built_in, :user_id, :guild_id, :channel_id, :application_id,
       :interaction_token, :interaction_id, :answer_id, :answer_ephemeral, :max_bytes, :now,
       :series_id, iif(:series_id IS NULL, '', 'open')
WHERE (SELECT count(*) FROM duels WHERE user_id = :user_id AND state IN ('rendering', 'ready', 'open'))
      < :max_open
  AND (:series_id IS NULL OR EXISTS (SELECT 1 FROM series WHERE id = :series_id AND state = 'running'))
RETURNING *
"""


def _order(recipe: Recipe) -> tuple[str, str, str]:
    return recipe.mode, recipe.model, recipe.to_json()


_INSERT_SIDE = """
INSERT INTO duel_sides (duel_id, side, mode, model, job_id, contender)
VALUES (:duel_id, :side, :mode, :model, :job_id, :contender)
"""
_SELECT_SIDES = """
SELECT side, duel_sides.mode, job_id, tries, recipe, state, error FROM duel_sides
JOIN jobs ON jobs.id = job_id WHERE duel_id = :id ORDER BY side
"""
_SELECT_DUE = """
SELECT * FROM duels
WHERE state IN ('ready', 'closed')
   OR (state = 'open' AND closes_at <= :now)
   OR (state IN ('open', 'closed', 'revealed') AND answer_shown <> 'open')
   OR (state = 'rendering' AND answer_shown = '')
   OR (state = 'failed' AND notified = 0)
   OR (state = 'rendering' AND (
        EXISTS (SELECT 1 FROM duel_sides JOIN jobs ON jobs.id = job_id
                WHERE duel_id = duels.id AND jobs.state IN ('failed', 'cancelled'))
        OR NOT EXISTS (SELECT 1 FROM duel_sides JOIN jobs ON jobs.id = job_id
                       WHERE duel_id = duels.id AND jobs.state IN ('queued', 'running'))))
ORDER BY id
"""
_SELECT_OPEN_IN_GUILD = (
    "SELECT * FROM duels WHERE guild_id = :guild_id AND state = 'open' ORDER BY closes_at, id"
)
_SELECT_ALL_OPEN = "SELECT * FROM duels WHERE state = 'open' ORDER BY id"
_SELECT_UNFINISHED = """
SELECT * FROM duels WHERE guild_id = :guild_id AND state IN ('rendering', 'ready', 'open') ORDER BY id DESC
"""
_SELECT_FINISHED = """
SELECT * FROM duels
WHERE guild_id = :guild_id AND state IN ('closed', 'revealed') AND instr(lower(prompt), :containing) > 0
ORDER BY id DESC LIMIT :limit
"""
_REPLACE_JOB = """
UPDATE duel_sides SET job_id = :new, tries = tries + 1
WHERE duel_id = :duel_id AND job_id = :old
  AND (SELECT state FROM duels WHERE id = :duel_id) = 'rendering'
RETURNING duel_id
"""
_SET_READY = """
UPDATE duels SET state = 'ready', file_a = :file_a, file_b = :file_b, picture = :picture
WHERE id = :id AND state = 'rendering' RETURNING *
"""
_SET_DUEL_POSTING = "UPDATE duels SET posting_at = :now WHERE id = :id AND posting_at IS NULL"
_SET_ANSWER_SHOWN = """
UPDATE duels SET answer_shown = :shown,
                 interaction_token = CASE :shown WHEN 'open' THEN NULL ELSE interaction_token END
WHERE id = :id AND answer_shown <> 'open'
"""
_SET_SMALLER = """
UPDATE duels SET state = 'rendering', max_bytes = :max_bytes, file_a = '', file_b = '', picture = ''
WHERE id = :id AND state = 'ready' RETURNING *
"""
_SET_OPEN = """
UPDATE duels SET state = 'open', message_id = :message_id, posted_at = :posted_at, closes_at = :closes_at
WHERE id = :id AND state = 'ready' RETURNING *
"""
_SET_CLOSED = (
    "UPDATE duels SET state = 'closed', closed_at = :now WHERE id = :id AND state = 'open' RETURNING *"
)
_SET_REVEALED = """
UPDATE duels SET state = 'revealed', file_a = '', file_b = '', picture = ''
WHERE id = :id AND state = 'closed' RETURNING *
"""
_SET_JOBS_DELIVERED = """
UPDATE jobs SET state = 'delivered', message_id = :message_id, finished_at = :now, interaction_token = NULL
WHERE id IN (SELECT job_id FROM duel_sides WHERE duel_id = :id) AND state = 'rendered'
"""
_SET_CLIP_MESSAGES = """
UPDATE clips SET message_id = :message_id
WHERE job_id IN (SELECT job_id FROM duel_sides WHERE duel_id = :id)
"""
_SET_FAILED = """
UPDATE duels SET state = 'failed', error = :error, file_a = '', file_b = '', picture = ''
WHERE id = :id AND state IN ('rendering', 'ready') RETURNING *
"""
_CANCEL_OPEN_JOBS = """
UPDATE jobs SET state = 'cancelled', error = :error, finished_at = :now, notified = 1,
                interaction_token = NULL
WHERE id IN (SELECT job_id FROM duel_sides WHERE duel_id = :id) AND state IN ('queued', 'running')
RETURNING id
"""
_FAIL_RENDERED_JOBS = """
UPDATE jobs SET state = CASE state WHEN 'rendered' THEN 'failed' ELSE state END,
                error = coalesce(error, :error), finished_at = coalesce(finished_at, :now),
                notified = 1, interaction_token = NULL
WHERE id IN (SELECT job_id FROM duel_sides WHERE duel_id = :id)
  AND state IN ('rendered', 'failed', 'cancelled')
"""
_SET_REQUESTER_NOTIFIED = (
    "UPDATE duels SET notified = 1, interaction_token = NULL WHERE id = :id AND state = 'failed'"
)
