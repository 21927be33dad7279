"""Clips: rendered recipes with their files, measurements and messages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bot.errors import NotFound, StoreError
from bot.recipe import Recipe, Task
from bot.store.database import Database, Row, Transaction, fetch_one


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClip:
    """A clip to store. file, picture: names inside the clips' folder.  facts: measurements, as JSON."""

    file: str
    picture: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A rendered clip. facts: measurements and provenance by the worker: loudness, licence, render time."""

    id: int
    job_id: int
    recipe: Recipe
    user_id: int
    guild_id: int | None
    channel_id: int
    message_id: int | None
    file: str
    picture: str
    facts: Mapping[str, Any]
    created_at: float
    preset_version: int | None


class Pace(NamedTuple):
    """What a clip of so many seconds of audio took, in seconds from claim to delivery.

    concurrency: how many clips its worker rendered at once on average meanwhile, itself included.
    """

    seconds: float
    took: float
    concurrency: float = 1.0


class Clips:
    """The table clips, without deleted ones."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def get(self, clip_id: int) -> Clip:
        """Return one clip. Raises NotFound."""
        row = await self._db.read_one(
            "SELECT * FROM clips WHERE id = :id AND deleted_at IS NULL", {"id": clip_id}
        )
        if row is None:
            raise NotFound("This clip no longer exists.")
        return clip_of(row)

    async def of_job(self, job_id: int) -> Clip:
        """Return the clip that a job made. Raises NotFound."""
        row = await self._db.read_one(
            "SELECT * FROM clips WHERE job_id = :id AND deleted_at IS NULL", {"id": job_id}
        )
        if row is None:
            raise NotFound("Job {job_id} has no clip.", job_id=job_id)
        return clip_of(row)

    async def of_member(self, user_id: int, *, before: int | None, limit: int) -> list[Clip]:
        """Return a member's clips, newest first, older than the clip `before` where one is given.

        Clips of a duel that is not over are left out: they would tell which side is which.
        """
        rows = await self._db.read(
            _SELECT_CLIPS_OF_MEMBER, {"user_id": user_id, "before": before, "limit": limit}
        )
        return [clip_of(row) for row in rows]

    async def paces(self, model: str, task: Task, limit: int = 200) -> list[Pace]:
        """Return what a model's last clips of a task took."""
        rows = await self._db.read(_SELECT_PACES, {"model": model, "task": task, "limit": limit})
        return [Pace(row["seconds"], row["took"], row["concurrency"]) for row in rows]

    async def usual_seconds(self, model: str, limit: int = 20) -> float | None:
        """Return the median of the seconds that a model's last clips took to render, or None."""
        rows = await self._db.read(_SELECT_RENDER_SECONDS, {"model": model, "limit": limit})
        seconds = sorted(row["seconds"] for row in rows)
        return seconds[len(seconds) // 2] if seconds else None

    async def slots(self, model: str) -> int | None:
        """Return how many clips the engine of a model's last clip could render at once, or None."""
        row = await self._db.read_one(_SELECT_SLOTS, {"model": model})
        return row["slots"] if row else None

    async def with_files(self) -> list[Clip]:
        """Return the delivered clips that still have files on the disk, oldest first."""
        return [clip_of(row) for row in await self._db.read(_SELECT_WITH_FILES, {})]

    async def stored_sources(self) -> set[str]:
        """Return the SHA-256 of each stored source of an open job, or of a clip whose files are there."""
        return {row["sha256"] for row in await self._db.read(_SELECT_SOURCES, {})}

    async def files_of_ended_jobs(self) -> dict[int, set[str]]:
        """Return ended job's id → names of its files on the disk, empty where there are none."""
        rows = await self._db.read(_SELECT_FILES_OF_ENDED, {})
        return {row["id"]: {row["file"], row["picture"]} - {"", None} for row in rows}

    async def duels_without_files(self) -> set[int]:
        """Return the ids of ended duels, whose neutral files can be deleted."""
        rows = await self._db.read("SELECT id FROM duels WHERE state IN ('revealed', 'failed')", {})
        return {row["id"] for row in rows}

    async def files_removed(self, clip_id: int) -> None:
        """Record that a clip's files were deleted from the disk; Discord still has those of its message."""
        await self._db.change("UPDATE clips SET file = '', picture = '' WHERE id = :id", {"id": clip_id})


def insert_clip(tx: Transaction, job_id: int, clip: NewClip, now: float) -> Clip:
    """Add the clip of a job inside the transaction that changes the job's state."""
    facts = json.dumps(dict(clip.facts), ensure_ascii=False)
    values = {"job_id": job_id, "file": clip.file, "picture": clip.picture, "facts": facts, "now": now}
    row = fetch_one(tx, _INSERT_CLIP, values)
    if row is None:
        raise StoreError(f"The clip of job {job_id} was not stored.")
    return clip_of(row)


_INSERT_CLIP = """
INSERT INTO clips
    (job_id, recipe, user_id, guild_id, channel_id, preset_version, file, picture, facts, created_at)
SELECT id, recipe, user_id, guild_id, channel_id, preset_version, :file, :picture,
       CASE WHEN chosen = '' THEN :facts ELSE json_set(:facts, '$.chosen', chosen) END, :now
FROM jobs WHERE id = :job_id
RETURNING *
"""
_SELECT_CLIPS_OF_MEMBER = """
SELECT * FROM clips
WHERE user_id = :user_id AND deleted_at IS NULL AND (:before IS NULL OR id < :before)
  AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = job_id AND in_duel = 1 AND state = 'rendered')
ORDER BY id DESC LIMIT :limit
"""
# A rare model's clips are looked for among the last thousands of jobs, not among all. Takes wait for each
# other before they are delivered, so theirs ends when they are rendered.
_SELECT_PACES = """
SELECT json_extract(jobs.recipe, '$.seconds') AS seconds,
       iif(takes_of IS NULL, finished_at, clips.created_at) - claimed_at AS took,
       coalesce(json_extract(facts, '$.concurrency'), 1) AS concurrency
FROM (SELECT * FROM jobs ORDER BY id DESC LIMIT 5000) AS jobs LEFT JOIN clips ON clips.job_id = jobs.id
WHERE state = 'delivered' AND in_duel = 0 AND took > 0
  AND json_extract(jobs.recipe, '$.model') = :model
  AND coalesce(json_extract(jobs.recipe, '$.task'), 'text') = :task
ORDER BY jobs.id DESC LIMIT :limit
"""
_SELECT_RENDER_SECONDS = """
SELECT json_extract(facts, '$.render_seconds') AS seconds FROM clips
WHERE json_extract(recipe, '$.model') = :model AND json_extract(facts, '$.render_seconds') IS NOT NULL
ORDER BY id DESC LIMIT :limit
"""
_SELECT_SLOTS = """
SELECT json_extract(facts, '$.slots') AS slots FROM clips
WHERE json_extract(recipe, '$.model') = :model AND json_extract(facts, '$.slots') IS NOT NULL
ORDER BY id DESC LIMIT 1
"""
_SELECT_WITH_FILES = """
SELECT clips.* FROM clips JOIN jobs ON jobs.id = clips.job_id
WHERE clips.file <> '' AND jobs.state <> 'rendered' ORDER BY clips.id
"""
_SELECT_FILES_OF_ENDED = """
SELECT jobs.id, file, picture FROM jobs
LEFT JOIN clips ON job_id = jobs.id AND deleted_at IS NULL
WHERE state NOT IN ('queued', 'running')
"""
_SELECT_SOURCES = """
SELECT source.value AS sha256 FROM jobs, json_each(recipe, '$.sources') AS source
WHERE state IN ('queued', 'running') AND source.type = 'text'
UNION SELECT source.value AS sha256 FROM clips, json_each(recipe, '$.sources') AS source
WHERE deleted_at IS NULL AND file <> '' AND source.type = 'text'
"""


def clip_of(row: Row) -> Clip:
    """Return the clip of a row of its table."""
    return Clip(
        id=row["id"],
        job_id=row["job_id"],
        recipe=Recipe.from_json(row["recipe"]),
        user_id=row["user_id"],
        guild_id=row["guild_id"],
        channel_id=row["channel_id"],
        message_id=row["message_id"],
        file=row["file"],
        picture=row["picture"],
        facts=json.loads(row["facts"]),
        created_at=row["created_at"],
        preset_version=row["preset_version"],
    )
