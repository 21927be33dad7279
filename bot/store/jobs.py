"""Jobs: requested recipes, their states, and the order in which they are claimed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal

from bot.errors import LimitReached, NotFound, StoreError
from bot.recipe import Mode, ModelRef, Recipe
from bot.store.clips import Clip, NewClip, insert_clip
from bot.store.daily import check_daily
from bot.store.database import Database, Row, Transaction, fetch_one
from bot.store.deletions import delete_late_message
from bot.store.expectations import Expectations
from bot.store.family import Families
from bot.store.followups import Followups, queue_followup
from bot.store.job_model import Delivery, Depth, Head, Job, Request, State, Waiting, job_of
from bot.store.newcomers import IS_NEWCOMER
from bot.store.takes import Takes, join_takes

Counter = Literal["attempts", "interruptions"]
"""What ended while a job was the only one running: its worker process, or the bot."""
COUNTERS: tuple[Counter, ...] = ("attempts", "interruptions")

UPLOAD_LIMIT_SECONDS = 7 * 24 * 3600.0
"""How long a limit learnt from a 413 holds: a server's limit grows when it is boosted."""


class Jobs:
    """The table jobs. Each transition is conditional on the state that it leaves, and else does nothing."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self.takes = Takes(database)
        self.families = Families(database)
        self.followups = Followups(database)
        self.expectations = Expectations(database)

    async def add(self, request: Request, now: float, *, per_member: int, in_all: int) -> Job:
        """Queue a request. Raises LimitReached where the member, or all members, have too many open jobs."""
        return await self._db.transact(
            lambda tx: insert_job(tx, request, now, per_member=per_member, in_all=in_all)
        )

    async def add_takes(
        self, requests: Sequence[Request], now: float, *, per_member: int, in_all: int
    ) -> list[Job]:
        """Queue the takes of one request, all or none, the first one first. Raises as `add` does."""

        def insert(tx: Transaction) -> int:
            ids = [insert_job(tx, one, now, per_member=per_member, in_all=in_all).id for one in requests]
            join_takes(tx, ids)
            return ids[0]

        return await self.takes.jobs(await self._db.transact(insert))

    async def claim(self, now: float, model: ModelRef | None = None, worker: int = 0) -> Job | None:
        """Assign the first queued job, for `model` unless that is None, to a worker and return it.

        None where there is none, or where isolation forbids it: an isolated job shares its worker with no
        other running job, an exclusive job shares the bot with none.
        """
        wanted = {"mode": model and model.mode, "model": model and model.name}
        return await self._job(_CLAIM_NEXT, {"now": now, "worker": worker, **wanted})

    async def rendered(self, job_id: int, clip: NewClip, now: float) -> Clip | None:
        """Store the clip of a running job, and queue its followup; None where it was cancelled meanwhile."""

        def store(tx: Transaction) -> Clip | None:
            row = fetch_one(tx, _SET_RENDERED, {"id": job_id})
            if row is None:
                return None
            made = insert_clip(tx, job_id, clip, now)
            queue_followup(tx, row, made, now)
            return made

        return await self._db.transact(store)

    async def requeue_running(
        self, now: float, counter: Counter, most: int, error: str, worker: int | None = None
    ) -> tuple[list[Job], list[Job]]:
        """Return the running jobs of a worker to their places in the queue: (requeued, failed).

        worker: the one that died, whose jobs are isolated then; None after a kill of the bot, which makes all
        running jobs exclusive.
        A job that was the only one running there is counted in `counter`, and fails with `error` once it was
        counted `most` times. With several running the cause is unknown, so none is counted.
        """
        about = {"now": now, "most": most, "error": error, "worker": worker}

        def store(tx: Transaction) -> tuple[list[Job], list[Job]]:
            tx.execute(_COUNT_ATTEMPT[counter], about)
            failed = tx.execute(_FAIL_SPENT[counter], about).fetchall()
            requeued = tx.execute(_REQUEUE_ISOLATED, about).fetchall()
            return [job_of(row) for row in requeued], [job_of(row) for row in failed]

        return await self._db.transact(store)

    async def release_running(self) -> None:
        """Requeue the running jobs after the workers were ended on purpose; nothing is counted."""
        await self._db.change(_RELEASE_RUNNING, {})

    async def fail(self, job_id: int, error: str, now: float) -> Job | None:
        """Fail a queued or running job. error: shown to the member. None where it had ended."""
        return await self._job(_FAIL_OPEN, {"id": job_id, "error": error, "now": now})

    async def cancel(self, job_id: int, now: float) -> Job | None:
        """Cancel a queued or running job. None where it had ended."""
        return await self._job(_CANCEL_OPEN, {"id": job_id, "now": now})

    async def delivered(self, job_id: int, delivery: Delivery, now: float) -> Job | None:
        """Record the message that carries the clip, and forget the interaction's token."""
        message = {"id": job_id, "now": now, **asdict(delivery)}

        def store(tx: Transaction) -> Row | None:
            row = fetch_one(tx, _SET_DELIVERED, message)
            if row is None:
                delete_late_message(tx, message)
            else:
                tx.execute(_SET_CLIP_MESSAGE, message)
            return row

        row = await self._db.transact(store)
        return job_of(row) if row else None

    async def undeliverable(self, job_id: int, error: str, now: float) -> Job | None:
        """Fail a rendered job that Discord refuses everywhere. The clip stays in /history."""
        return await self._job(_FAIL_UNDELIVERABLE, {"id": job_id, "error": error, "now": now})

    async def withdrawn(self, job_id: int, error: str, now: float) -> Job | None:
        """Fail a rendered job whose progress message was deleted; no notice is sent."""
        return await self._job(_FAIL_WITHDRAWN, {"id": job_id, "error": error, "now": now})

    async def posting(self, job_id: int, now: float) -> float | None:
        """Record that a clip or a notice is about to be posted; return when that was first recorded.

        None the first time.
        """

        def store(tx: Transaction) -> float | None:
            row = fetch_one(tx, "SELECT posting_at FROM jobs WHERE id = :id", {"id": job_id})
            tx.execute(_SET_JOB_POSTING, {"id": job_id, "now": now})
            return row["posting_at"] if row else None

        return await self._db.transact(store)

    async def answered(self, job_id: int, answer_id: int) -> None:
        """Record the message that shows the progress of a job, or of all takes of the first one."""
        await self._db.change(
            "UPDATE jobs SET answer_id = :answer_id WHERE id = :id OR takes_of = :id",
            {"id": job_id, "answer_id": answer_id},
        )

    async def limit_uploads(self, guild_or_channel_id: int, max_bytes: int, now: float) -> None:
        """Record the upload limit that a 413 revealed: later requests there are encoded for it at once."""
        await self._db.change(
            _UPSERT_UPLOAD_LIMIT,
            {"guild_or_channel_id": guild_or_channel_id, "max_bytes": max_bytes, "now": now},
        )

    async def token_over(self, job_id: int) -> None:
        """Erase the interaction's token, which Discord no longer accepts."""
        await self._db.change("UPDATE jobs SET interaction_token = NULL WHERE id = :id", {"id": job_id})

    async def check_limits(self, user_id: int, *, jobs: int, per_member: int, in_all: int) -> None:
        """Raise LimitReached where so many more jobs of a member would be refused now; `add` decides."""
        open_now = await self._db.read_one(_COUNT_OPEN, {"user_id": user_id})
        if open_now is not None:
            _check_limits(open_now["mine"], open_now["everybody"], per_member, in_all, more=jobs)

    async def notified(self, job_id: int) -> None:
        """Record that the member was notified of the job's end, and erase the interaction's token."""
        await self._db.change(_SET_NOTIFIED, {"id": job_id})

    async def outbox(self) -> list[Job]:
        """Return jobs to deliver but duels': rendered clips, failures without a notice, first takes."""
        alone = [job_of(row) for row in await self._db.read(_SELECT_OUTBOX, {})]
        return alone + await self.takes.settled()

    async def get(self, job_id: int) -> Job:
        """Return one job. Raises NotFound."""
        row = await self._db.read_one("SELECT * FROM jobs WHERE id = :id", {"id": job_id})
        if row is None:
            raise NotFound("There is no job {job_id}.", job_id=job_id)
        return job_of(row)

    async def waiting(self) -> list[Waiting]:
        """Return the queue in the order in which it will be claimed."""
        rows = await self._db.read(
            "SELECT queue.id, queue.user_id, queue.recipe, queue_position, newcomer "
            "FROM queue JOIN jobs USING (id) ORDER BY queue_position",
            {},
        )
        return [
            Waiting(
                id=row["id"],
                user_id=row["user_id"],
                recipe=Recipe.from_json(row["recipe"]),
                queue_position=row["queue_position"],
                newcomer=bool(row["newcomer"]),
            )
            for row in rows
        ]

    async def heads(self) -> list[Head]:
        """Return the first queued job for each model, in the order of the queue."""
        rows = await self._db.read(_SELECT_HEADS, {})
        return [
            Head(r["id"], ModelRef(Mode(r["mode"]), r["model"]), bool(r["isolated"]), bool(r["exclusive"]))
            for r in rows
        ]

    async def respell(self, job_id: int, recipe: Recipe) -> None:
        """Store the recipe of a queued job with its model as the settings spell it now."""
        await self._db.change(_RESPELL, {"id": job_id, "recipe": recipe.to_json()})

    async def depths(self) -> list[Depth]:
        """Return how many jobs are in each state before delivery."""
        rows = await self._db.read(_SELECT_DEPTHS, {})
        return [Depth(State(row["state"]), row["jobs"], row["oldest"]) for row in rows]

    async def running(self) -> list[Job]:
        """Return the running jobs, by the time of their claim."""
        rows = await self._db.read("SELECT * FROM jobs WHERE state = 'running' ORDER BY claimed_at, id", {})
        return [job_of(row) for row in rows]

    async def open_of(self, user_id: int) -> list[Job]:
        """Return a member's jobs that are queued or running, oldest first."""
        rows = await self._db.read(_SELECT_OPEN.format(column="user_id"), {"id": user_id})
        return [job_of(row) for row in rows]

    async def open_in(self, guild_id: int) -> list[Job]:
        """Return a server's jobs that are queued or running, oldest first."""
        rows = await self._db.read(_SELECT_OPEN.format(column="guild_id"), {"id": guild_id})
        return [job_of(row) for row in rows]

    async def recent_prompts(self, user_id: int, containing: str, limit: int) -> list[str]:
        """Return a member's own prompts, last used first, each once, that hold `containing` in any case."""
        rows = await self._db.read(
            _SELECT_RECENT_PROMPTS, {"user_id": user_id, "containing": containing.casefold(), "limit": limit}
        )
        return [row["prompt"] for row in rows]

    async def last_locale(self, user_id: int) -> str:
        """Return the locale of a member's Discord client at their last request; empty for none."""
        row = await self._db.read_one(_SELECT_LOCALE, {"user_id": user_id})
        return str(row["locale"]) if row else ""

    async def _job(self, sql: str, parameters: dict[str, object]) -> Job | None:
        """Change at most one job; return it as it is then, or None."""
        row = await self._db.change_one(sql, parameters)
        return job_of(row) if row else None


def insert_job(
    tx: Transaction,
    request: Request,
    now: float,
    *,
    per_member: int,
    in_all: int,
    in_duel: bool = False,
) -> Job:
    """Queue a request inside a transaction that does more than that. Raises as Jobs.add does."""
    check_daily(tx, request, now, in_all)
    limits = {"per_member": per_member, "in_all": in_all, "limit_seconds": UPLOAD_LIMIT_SECONDS}
    parameters = request.columns() | limits | {"now": now, "in_duel": in_duel}
    row = fetch_one(tx, _INSERT_JOB, parameters)
    if row is not None:
        return job_of(row)
    open_now = fetch_one(tx, _COUNT_OPEN, {"user_id": request.user_id})
    _check_limits(open_now["mine"] if open_now else 0, in_all, per_member, in_all)
    raise StoreError("The job was not queued.")


def _check_limits(mine: int, everybody: int, per_member: int, in_all: int, more: int = 1) -> None:
    """Raise LimitReached where so many more jobs would be too many."""
    if mine + more > per_member:
        raise LimitReached(
            "You already have {mine} clips waiting or rendering, and {per_member} is the limit. "
            "Wait until one is done, or cancel one with `/cancel`.",
            mine=mine,
            per_member=per_member,
        )
    if everybody + more > in_all:
        raise LimitReached("The queue is full ({in_all:,} clips). Try again in a few minutes.", in_all=in_all)


_UPSERT_UPLOAD_LIMIT = """
INSERT INTO upload_limits (guild_or_channel_id, max_bytes, noted_at)
VALUES (:guild_or_channel_id, :max_bytes, :now)
ON CONFLICT (guild_or_channel_id) DO UPDATE SET max_bytes = :max_bytes, noted_at = :now
"""
_INSERT_JOB = f"""
INSERT INTO jobs (recipe, mode, user_id, guild_id, channel_id, application_id, interaction_token,
                  interaction_id, answer_id, answer_ephemeral, can_post, max_bytes, preset_version,
                  created_at, in_duel, chosen, priority, newcomer, parent_clip, then_recipe, locale)
SELECT :recipe, :mode, :user_id, :guild_id, :channel_id, :application_id, :interaction_token, :interaction_id,
       :answer_id, :answer_ephemeral, :can_post, min(:max_bytes, coalesce((SELECT max_bytes FROM upload_limits
                                 WHERE guild_or_channel_id = coalesce(:guild_id, :channel_id)
                                   AND noted_at > :now - :limit_seconds), :max_bytes)),
       (SELECT id FROM preset_versions WHERE id = :preset_version), :now, :in_duel, :chosen, :priority,
       {IS_NEWCOMER}, (SELECT id FROM clips WHERE id = :parent_clip), :then_recipe, :locale
WHERE (SELECT count(*) FROM jobs WHERE user_id = :user_id AND state IN ('queued', 'running')) < :per_member
  AND (SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')) < :in_all
RETURNING *
"""
_COUNT_OPEN = """
SELECT count(*) FILTER (WHERE user_id = :user_id) AS mine, count(*) AS everybody
FROM jobs WHERE state IN ('queued', 'running')
"""
_CLAIM_NEXT = """
UPDATE jobs SET state = 'running', claimed_at = :now, worker = :worker
WHERE id = (SELECT id FROM queue
            WHERE :model IS NULL OR (mode = :mode AND json_extract(recipe, '$.model') = :model)
            ORDER BY queue_position LIMIT 1)
  AND state = 'queued'
  AND NOT EXISTS (
    SELECT 1 FROM jobs AS beside
    WHERE beside.state = 'running'
      AND (beside.exclusive OR jobs.exclusive
           OR (beside.worker = :worker AND (beside.isolated OR jobs.isolated)))
  )
RETURNING *
"""
_SELECT_DEPTHS = """
SELECT state, count(*) AS jobs, min(created_at) AS oldest FROM jobs
WHERE state IN ('queued', 'running', 'rendered') GROUP BY state
"""
_SELECT_HEADS = """
SELECT jobs.id, jobs.mode, json_extract(jobs.recipe, '$.model') AS model, jobs.isolated, jobs.exclusive,
       min(queue_position) AS first
FROM queue JOIN jobs USING (id) GROUP BY jobs.mode, model ORDER BY first
"""
_SET_RENDERED = "UPDATE jobs SET state = 'rendered' WHERE id = :id AND state = 'running' RETURNING *"
_ON_WORKER = "state = 'running' AND (:worker IS NULL OR worker = :worker)"
_RUNS_ALONE = f"{_ON_WORKER} AND (SELECT count(*) FROM jobs WHERE {_ON_WORKER}) = 1"
_COUNT_ATTEMPT: dict[Counter, str] = {
    counter: f"UPDATE jobs SET {counter} = {counter} + 1 WHERE {_RUNS_ALONE}" for counter in COUNTERS
}
_FAIL_SPENT: dict[Counter, str] = {
    counter: f"""
UPDATE jobs SET state = 'failed', error = :error, finished_at = :now
WHERE {_RUNS_ALONE} AND {counter} >= :most RETURNING *
"""
    for counter in COUNTERS
}
# Without its claim a member keeps the turn that was taken.
_REQUEUE_ISOLATED = f"""
UPDATE jobs SET state = 'queued', claimed_at = NULL, isolated = 1, exclusive = exclusive OR :worker IS NULL
WHERE {_ON_WORKER} RETURNING *
"""
_RELEASE_RUNNING = "UPDATE jobs SET state = 'queued', claimed_at = NULL WHERE state = 'running'"
_FAIL_OPEN = """
UPDATE jobs SET state = 'failed', error = :error, finished_at = :now
WHERE id = :id AND state IN ('queued', 'running') RETURNING *
"""
_CANCEL_OPEN = """
UPDATE jobs SET state = 'cancelled', finished_at = :now
WHERE id = :id AND state IN ('queued', 'running') RETURNING *
"""
_SET_DELIVERED = """
UPDATE jobs SET state = 'delivered', message_id = :message_id, finished_at = :now, interaction_token = NULL
WHERE id = :id AND state = 'rendered' RETURNING *
"""
_SET_CLIP_MESSAGE = """
UPDATE clips SET message_id = :message_id, channel_id = :channel_id, guild_id = :guild_id,
                 ephemeral = :ephemeral
WHERE job_id = :id
"""
_FAIL_UNDELIVERABLE = """
UPDATE jobs SET state = 'failed', error = :error, finished_at = :now, posting_at = NULL
WHERE id = :id AND state = 'rendered' RETURNING *
"""
_FAIL_WITHDRAWN = """
UPDATE jobs SET state = 'failed', error = :error, finished_at = :now, notified = 1, interaction_token = NULL
WHERE id = :id AND state = 'rendered' RETURNING *
"""
_RESPELL = "UPDATE jobs SET recipe = :recipe WHERE id = :id AND state = 'queued'"
_SET_JOB_POSTING = "UPDATE jobs SET posting_at = :now WHERE id = :id AND posting_at IS NULL"
_SET_NOTIFIED = """
UPDATE jobs SET notified = 1, interaction_token = NULL WHERE id = :id AND state IN ('failed', 'cancelled')
"""
_SELECT_OUTBOX = """
SELECT * FROM jobs WHERE state = 'rendered' AND in_duel = 0 AND takes_of IS NULL
UNION ALL SELECT * FROM jobs
WHERE notified = 0 AND state IN ('failed', 'cancelled') AND in_duel = 0 AND takes_of IS NULL
ORDER BY id
"""
_SELECT_OPEN = "SELECT * FROM jobs WHERE {column} = :id AND state IN ('queued', 'running') ORDER BY id"
_SELECT_LOCALE = "SELECT locale FROM jobs WHERE user_id = :user_id ORDER BY id DESC LIMIT 1"
_SELECT_RECENT_PROMPTS = """
SELECT prompt FROM (
    SELECT json_extract(recipe, '$.prompt') AS prompt, max(id) AS last
    FROM (SELECT id, recipe FROM jobs WHERE user_id = :user_id AND opened = 0 ORDER BY id DESC LIMIT 200)
    GROUP BY prompt
)
WHERE instr(lower(prompt), :containing) > 0 ORDER BY last DESC LIMIT :limit
"""
