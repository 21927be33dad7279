"""Comparisons of models: the plan of each, what is measured so far, and the job of the clip being made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.errors import LimitReached, NotFound
from bot.store.database import Database, Row, Transaction, fetch_one, one
from bot.store.job_model import Job, Request
from bot.store.jobs import insert_job


class ComparisonState(StrEnum):
    """running → ended → posted; an ended one waits for its result to be shown."""

    RUNNING = "running"
    ENDED = "ended"
    POSTED = "posted"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewComparison:
    """A comparison to store. plan: its clips as JSON holds them.  message_id: of the answer."""

    prompt: str
    seeds: int
    plan: tuple[Mapping[str, Any], ...]
    user_id: int
    guild_id: int
    channel_id: int
    application_id: int
    max_bytes: int
    message_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredComparison(NewComparison):
    """A stored comparison. measured: of the first clips of the plan.  job_id: of the clip that is being made.

    why: the reason of an early end, else empty.
    """

    id: int
    state: ComparisonState
    measured: tuple[Mapping[str, Any], ...]
    job_id: int | None
    why: str


class Comparisons:
    """Queries and state transitions of comparisons."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def start(self, new: NewComparison, now: float) -> StoredComparison:
        """Store a comparison. Raises LimitReached where one runs in that server."""
        values = {
            "prompt": new.prompt,
            "seeds": new.seeds,
            "plan": json.dumps(new.plan, ensure_ascii=False),
            "user_id": new.user_id,
            "guild_id": new.guild_id,
            "channel_id": new.channel_id,
            "application_id": new.application_id,
            "max_bytes": new.max_bytes,
            "message_id": new.message_id,
            "now": now,
        }
        row = await self._db.change_one(_INSERT_COMPARISON, values)
        if row is None:
            raise LimitReached(RUNS_ALREADY)
        return _comparison_of(row)

    async def check_none_runs(self, guild_id: int) -> None:
        """Raise LimitReached where a comparison runs in a server. It only reads; `start` decides."""
        if await self._db.read_one(_SELECT_RUNNING, {"guild_id": guild_id}) is not None:
            raise LimitReached(RUNS_ALREADY)

    async def get(self, comparison_id: int) -> StoredComparison:
        """Return a comparison. Raises NotFound."""
        row = await self._db.read_one("SELECT * FROM comparisons WHERE id = :id", {"id": comparison_id})
        if row is None:
            raise NotFound("This comparison no longer exists.")
        return _comparison_of(row)

    async def going(self) -> list[StoredComparison]:
        """Return the comparisons that run, or whose result is to be shown, oldest first."""
        return [_comparison_of(row) for row in await self._db.read(_SELECT_GOING_COMPARISONS, {})]

    async def makes(self, job_id: int) -> bool:
        """Tell whether a job makes the clip of a running comparison."""
        return await self._db.read_one(_SELECT_OF_JOB, {"job_id": job_id}) is not None

    async def add_job(
        self, comparison_id: int, request: Request, now: float, *, per_member: int, in_all: int
    ) -> Job | None:
        """Queue the next clip; None where one is being made, or the comparison is over.

        Raises LimitReached as Jobs.add.
        """
        about = {"id": comparison_id, "now": now}

        def insert(tx: Transaction) -> Job | None:
            if fetch_one(tx, _SELECT_IDLE, about) is None:
                return None
            # As the sides of a duel, it is shown by the comparison and never by the outbox.
            job = insert_job(tx, request, now, per_member=per_member, in_all=in_all, in_duel=True)
            tx.execute(_SET_JOB, {**about, "job_id": job.id})
            return job

        return await self._db.transact(insert)

    async def add_measured(
        self, comparison_id: int, job_id: int, found: Mapping[str, Any], now: float
    ) -> bool:
        """Store what was measured of a clip, and delete the clip; False where it was not due."""
        about = {
            "id": comparison_id,
            "job_id": job_id,
            "found": json.dumps(found, ensure_ascii=False),
            "now": now,
        }
        async with self._db.write() as tx:
            if await one(tx, _ADD_MEASURED, about) is None:
                return False
            await tx.execute(_SET_MEASURED_JOB_DELIVERED, about)
            await tx.execute(_DELETE_MEASURED_CLIP, about)
        return True

    async def end(self, comparison_id: int, why: str, now: float) -> int | None:
        """End a running comparison; return the job of its unfinished clip. why: empty if all are measured."""
        about = {"id": comparison_id, "why": why, "now": now}
        async with self._db.write() as tx:
            row = await one(tx, _SET_COMPARISON_ENDED, about)
            if row is None or row["job_id"] is None:
                return None
            await tx.execute(_SET_MEASURED_JOB_DELIVERED, {"job_id": row["job_id"], "now": now})
            await tx.execute(_DELETE_MEASURED_CLIP, {"job_id": row["job_id"], "now": now})
            await tx.execute(_SET_JOB_NOTIFIED, {"job_id": row["job_id"]})
        job_id: int = row["job_id"]
        return job_id

    async def posted(self, comparison_id: int) -> None:
        """Record that the result is shown, or cannot be."""
        await self._db.change(_SET_COMPARISON_POSTED, {"id": comparison_id})


def _comparison_of(row: Row) -> StoredComparison:
    return StoredComparison(
        id=row["id"],
        state=ComparisonState(row["state"]),
        prompt=row["prompt"],
        seeds=row["seeds"],
        plan=tuple(json.loads(row["plan"])),
        measured=tuple(json.loads(row["measured"])),
        job_id=row["job_id"],
        user_id=row["user_id"],
        guild_id=row["guild_id"],
        channel_id=row["channel_id"],
        application_id=row["application_id"],
        max_bytes=row["max_bytes"],
        message_id=row["message_id"],
        why=row["why"],
    )


RUNS_ALREADY = (
    "A comparison already runs in this server. Wait until it is done, or cancel it under its message."
)
_INSERT_COMPARISON = """
INSERT INTO comparisons (prompt, seeds, plan, user_id, guild_id, channel_id, application_id, max_bytes,
                         message_id, created_at)
SELECT :prompt, :seeds, :plan, :user_id, :guild_id, :channel_id, :application_id, :max_bytes, :message_id,
       :now
WHERE NOT EXISTS (SELECT 1 FROM comparisons WHERE guild_id = :guild_id AND state = 'running')
RETURNING *
"""
_SELECT_RUNNING = "SELECT 1 FROM comparisons WHERE guild_id = :guild_id AND state = 'running'"
_SELECT_GOING_COMPARISONS = "SELECT * FROM comparisons WHERE state <> 'posted' ORDER BY id"
_SELECT_OF_JOB = "SELECT 1 FROM comparisons WHERE job_id = :job_id"
_SELECT_IDLE = "SELECT 1 FROM comparisons WHERE id = :id AND state = 'running' AND job_id IS NULL"
_SET_JOB = "UPDATE comparisons SET job_id = :job_id WHERE id = :id"
_ADD_MEASURED = """
UPDATE comparisons SET measured = json_insert(measured, '$[#]', json(:found)), job_id = NULL
WHERE id = :id AND state = 'running' AND job_id = :job_id RETURNING id
"""
_SET_MEASURED_JOB_DELIVERED = """
UPDATE jobs SET state = 'delivered', finished_at = :now WHERE id = :job_id AND state = 'rendered'
"""
_DELETE_MEASURED_CLIP = """
UPDATE clips SET deleted_at = :now, file = '', picture = '' WHERE job_id = :job_id AND deleted_at IS NULL
"""
_SET_JOB_NOTIFIED = "UPDATE jobs SET notified = 1 WHERE id = :job_id"
_SET_COMPARISON_ENDED = """
UPDATE comparisons SET state = 'ended', why = :why, ended_at = :now
WHERE id = :id AND state = 'running' RETURNING job_id
"""
_SET_COMPARISON_POSTED = "UPDATE comparisons SET state = 'posted', job_id = NULL WHERE id = :id"
