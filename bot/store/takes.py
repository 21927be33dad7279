"""Takes: jobs of one request, alike but for their seeds, whose clips are posted together in one message.

The first job stands for all of them: its id is the group's, and it holds the answer, the interaction's token
and the record of the delivery. The group is settled once none of its jobs is queued or running; only then is
it in the outbox, with the takes that were rendered and the ends of the others in one message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from bot.store.clips import Clip, clip_of
from bot.store.database import Database, Row, Transaction
from bot.store.deletions import delete_late_message
from bot.store.job_model import Delivery, Job, State, job_of

MAX_TAKES = 4
"""Takes of one request: a picture and an MP3 each, of which a message holds ten (Discord's documentation)."""


def join_takes(tx: Transaction, job_ids: Sequence[int]) -> None:
    """Make queued jobs the takes of the first, inside the transaction that added them."""
    for take, job_id in enumerate(job_ids, 1):
        tx.execute(_JOIN, {"id": job_id, "first": job_ids[0], "take": take})


class Takes:
    """The rows of jobs that are takes. Each transition holds for all jobs of a settled group, or for none."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def jobs(self, first_id: int) -> list[Job]:
        """Return the jobs of a group, the first take first; empty where there is no such group."""
        rows = await self._db.read("SELECT * FROM jobs WHERE takes_of = :id ORDER BY take", {"id": first_id})
        return [job_of(row) for row in rows]

    async def settled(self) -> list[Job]:
        """Return the first job of each settled group with a clip to deliver, or an end to notify of.

        Its state is the group's: rendered where any take is, else failed.
        """
        rows = await self._db.read(_SELECT_SETTLED, {})
        return [
            replace(job_of(row), state=State.RENDERED if row["some_rendered"] else State.FAILED)
            for row in rows
        ]

    async def clips(self, first_id: int) -> list[tuple[int, Clip]]:
        """Return the clips of a group that are not deleted, by the number of the take."""
        rows = await self._db.read(_SELECT_CLIPS, {"id": first_id})
        return [(row["take"], clip_of(row)) for row in rows]

    async def group_of(self, clip_id: int) -> int | None:
        """Return the group that a clip is a take of; None for a clip of its own."""
        row = await self._db.read_one(
            "SELECT takes_of FROM jobs JOIN clips ON job_id = jobs.id WHERE clips.id = :id", {"id": clip_id}
        )
        return row["takes_of"] if row else None

    async def delivered(self, first_id: int, delivery: Delivery, now: float) -> list[int]:
        """Record the message that carries the rendered takes and tells of the others, and forget the token.

        Returns the ids of the delivered jobs; none where the group was over, or is not settled.
        """
        message = {"id": first_id, "now": now, **asdict(delivery)}

        def store(tx: Transaction) -> list[int]:
            rows = tx.execute(_SET_TAKES_DELIVERED, message).fetchall()
            for row in rows:
                tx.execute(_SET_TAKE_MESSAGE, {**message, "id": row["id"]})
            if rows:
                tx.execute(_SET_TAKES_NOTIFIED, message)
            else:
                for job in tx.execute(_SELECT_IDS, message).fetchall():
                    delete_late_message(tx, {**message, "id": job["id"]})
            return [row["id"] for row in rows]

        return await self._db.transact(store)

    async def undeliverable(
        self, first_id: int, error: str, now: float, *, withdrawn: bool = False
    ) -> list[int]:
        """Fail the rendered takes of a group, whose clips stay in /history; return the ids of their jobs.

        withdrawn: the message was deleted, so that nobody is notified.
        """
        about = {"id": first_id, "error": error, "now": now}

        def store(tx: Transaction) -> list[Row]:
            rows = tx.execute(_FAIL_UNDELIVERABLE_TAKES, about).fetchall()
            tx.execute("UPDATE jobs SET posting_at = NULL WHERE takes_of = :id", about)
            if withdrawn:
                tx.execute(_SET_TAKES_NOTIFIED, about)
            return rows

        return [row["id"] for row in await self._db.transact(store)]

    async def notified(self, first_id: int) -> None:
        """Record that the member was notified of the ends of all takes, and erase the tokens."""
        await self._db.change(_SET_TAKES_NOTIFIED, {"id": first_id})


_JOIN = "UPDATE jobs SET takes_of = :first, take = :take WHERE id = :id"
_NO_OPEN_TAKE = """
NOT EXISTS (SELECT 1 FROM jobs AS beside
            WHERE beside.takes_of = jobs.takes_of AND beside.state IN ('queued', 'running'))
"""
_SELECT_SETTLED = f"""
SELECT *, EXISTS (
    SELECT 1 FROM jobs AS beside WHERE beside.takes_of = jobs.id AND beside.state = 'rendered'
) AS some_rendered
FROM jobs WHERE id IN (
    SELECT takes_of FROM jobs WHERE state = 'rendered' AND takes_of IS NOT NULL
    UNION SELECT takes_of FROM jobs
    WHERE notified = 0 AND state IN ('failed', 'cancelled') AND takes_of IS NOT NULL
) AND {_NO_OPEN_TAKE} ORDER BY id
"""
_SELECT_CLIPS = """
SELECT clips.*, jobs.take FROM clips JOIN jobs ON jobs.id = job_id
WHERE takes_of = :id AND deleted_at IS NULL ORDER BY take
"""
_SELECT_IDS = "SELECT id FROM jobs WHERE takes_of = :id"
_SET_TAKES_DELIVERED = f"""
UPDATE jobs SET state = 'delivered', message_id = :message_id, finished_at = :now, interaction_token = NULL
WHERE takes_of = :id AND state = 'rendered' AND {_NO_OPEN_TAKE} RETURNING id
"""
_SET_TAKE_MESSAGE = """
UPDATE clips SET message_id = :message_id, channel_id = :channel_id, guild_id = :guild_id,
                 ephemeral = :ephemeral
WHERE job_id = :id
"""
_FAIL_UNDELIVERABLE_TAKES = """
UPDATE jobs SET state = 'failed', error = :error, finished_at = :now
WHERE takes_of = :id AND state = 'rendered' RETURNING id
"""
_SET_TAKES_NOTIFIED = """
UPDATE jobs SET notified = 1, interaction_token = NULL
WHERE takes_of = :id AND state IN ('failed', 'cancelled')
"""
