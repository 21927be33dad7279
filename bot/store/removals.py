"""Effects of deleted messages, channels and servers on jobs, clips and duels.

Each is one transaction. Votes that were cast before a duel's message was deleted stay and count: they were
blind, and whoever deletes a message decides about the message alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import aiosqlite

from bot.store.database import Database, Row
from bot.store.duels.repository import end_jobs

MESSAGE_DELETED = "The message was deleted in Discord."
PLACE_GONE = "The channel or server is gone."


@dataclass(frozen=True, slots=True)
class Removed:
    """Jobs and duels ended by a removal. job_ids: cancelled.  duel_ids: revealed or failed."""

    job_ids: tuple[int, ...] = ()
    duel_ids: tuple[int, ...] = ()


class Removals:
    """Updates jobs, clips and duels after deletions in Discord."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def messages(self, message_ids: Iterable[int], now: float) -> Removed:
        """Apply the deletion of messages, most of which are unknown here.

        A clip stays in /history without a link. A job whose progress message was deleted is cancelled: its
        clip is not wanted there. An open duel ends.
        """
        known = await self.known(message_ids)
        if not known:
            return Removed()
        jobs: list[int] = []
        duels: list[int] = []
        async with self._db.write() as tx:
            for message_id in known:
                about = {"message_id": message_id, "now": now, "why": MESSAGE_DELETED}
                await tx.execute(_CLEAR_CLIP_MESSAGE_BY_ID, about)
                jobs += await _ids(tx, _CANCEL_JOBS_BY_ANSWER, about)
                for row in await _rows(tx, f"{_SELECT_UNFINISHED_DUELS} AND message_id = :message_id", about):
                    await _end_duel(tx, row, MESSAGE_DELETED, now)
                    duels.append(row["id"])
        return Removed(tuple(jobs), tuple(duels))

    async def channel(self, channel_id: int, now: float) -> Removed:
        """End the jobs and duels of a deleted channel or thread, whose messages are deleted too."""
        about = {"channel_id": channel_id, "now": now, "why": PLACE_GONE}
        return await self._place("channel_id = :channel_id", about, messages_gone=True)

    async def guild(self, guild_id: int, now: float) -> Removed:
        """End the jobs and duels of a server that the bot has left; its messages stay visible."""
        about = {"guild_id": guild_id, "now": now, "why": PLACE_GONE}
        return await self._place("guild_id = :guild_id", about, messages_gone=False)

    async def known(self, message_ids: Iterable[int]) -> list[int]:
        """Return the messages that carry a clip, an unfinished duel or a job's progress."""
        rows = await self._db.read(_SELECT_KNOWN, {"ids": json.dumps(sorted(message_ids))})
        return [row["id"] for row in rows]

    async def _place(self, where: str, about: Mapping[str, Any], *, messages_gone: bool) -> Removed:
        async with self._db.write() as tx:
            duels, jobs = await end_duels(tx, where, about, PLACE_GONE)
            jobs += await cancel_jobs(tx, where, about)
            if messages_gone:
                await tx.execute(f"{_CLEAR_CLIP_MESSAGE} AND {where}", about)
        return Removed(tuple(jobs), tuple(duels))


async def end_duels(
    tx: aiosqlite.Connection, where: str, about: Mapping[str, Any], why: str
) -> tuple[list[int], list[int]]:
    """End the unfinished duels that a condition names, inside a transaction; return (duel ids, job ids).

    The jobs are those that were still open, whose rendering has to be stopped.
    """
    duels: list[int] = []
    jobs: list[int] = []
    for row in await _rows(tx, f"{_SELECT_UNFINISHED_DUELS} AND {where}", about):
        jobs += await _end_duel(tx, row, why, about["now"])
        duels.append(row["id"])
    return duels, jobs


async def cancel_jobs(tx: aiosqlite.Connection, where: str, about: Mapping[str, Any]) -> list[int]:
    """Cancel the open jobs that a condition names, inside a transaction; return their ids.

    about: the parameters of the condition, `now`, and `why` as their error.
    """
    return await _ids(tx, f"{_CANCEL_JOBS} AND {where} RETURNING id", about)


async def _end_duel(tx: aiosqlite.Connection, duel: Row, why: str, now: float) -> list[int]:
    """End a duel, closed where it was open and failed before that; return its jobs that were still open."""
    about = {"id": duel["id"], "why": why, "now": now}
    if duel["state"] in ("rendering", "ready"):
        await tx.execute(_FAIL_DUEL, about)
        return await end_jobs(tx, duel["id"], why, now)
    await tx.execute(_REVEAL_DUEL, about)
    await tx.execute(_DELIVER_JOBS, about)
    return []


async def _rows(tx: aiosqlite.Connection, sql: str, about: Mapping[str, Any]) -> list[Row]:
    return list(await (await tx.execute(sql, about)).fetchall())


async def _ids(tx: aiosqlite.Connection, sql: str, about: Mapping[str, Any]) -> list[int]:
    return [row["id"] for row in await _rows(tx, sql, about)]


_SELECT_KNOWN = """
SELECT value AS id FROM json_each(:ids)
WHERE EXISTS (SELECT 1 FROM clips WHERE message_id = value AND deleted_at IS NULL)
    OR EXISTS (SELECT 1 FROM jobs WHERE answer_id = value AND state IN ('queued', 'running'))
    OR EXISTS (SELECT 1 FROM duels WHERE message_id = value AND state IN ('open', 'closed'))
"""
_CLEAR_CLIP_MESSAGE = """
UPDATE clips SET message_id = NULL, message_deleted_at = :now WHERE message_id IS NOT NULL
"""
_CLEAR_CLIP_MESSAGE_BY_ID = f"{_CLEAR_CLIP_MESSAGE} AND message_id = :message_id"
_CANCEL_JOBS = """
UPDATE jobs SET state = 'cancelled', error = :why, finished_at = :now, notified = 1, interaction_token = NULL
WHERE state IN ('queued', 'running')
"""
_CANCEL_JOBS_BY_ANSWER = f"{_CANCEL_JOBS} AND answer_id = :message_id RETURNING id"
_SELECT_UNFINISHED_DUELS = (
    "SELECT id, state FROM duels WHERE state IN ('rendering', 'ready', 'open', 'closed')"
)
_FAIL_DUEL = """
UPDATE duels SET state = 'failed', error = :why, notified = 1, interaction_token = NULL,
                 file_a = '', file_b = '', picture = ''
WHERE id = :id
"""
_REVEAL_DUEL = """
UPDATE duels SET state = 'revealed', closed_at = coalesce(closed_at, :now), error = :why,
                 answer_shown = 'open', interaction_token = NULL, file_a = '', file_b = '', picture = ''
WHERE id = :id
"""
_DELIVER_JOBS = """
UPDATE jobs SET state = 'delivered', error = :why, finished_at = :now, interaction_token = NULL
WHERE id IN (SELECT job_id FROM duel_sides WHERE duel_id = :id) AND state = 'rendered'
"""
