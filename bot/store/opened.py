"""Clips that members opened from files: kept like clips of this bot, so that all its buttons work with them.

Each has a job, which is over from the start and counts for no limit and no estimate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.errors import StoreError
from bot.recipe import Recipe
from bot.store.clips import Clip, clip_of
from bot.store.database import Database, one

MAX_OPENED = 10
"""Opened clips of each member whose files are kept; older ones keep their recipes alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOpened:
    """A file to be kept as a clip of the member who opened it.

    sha256: of the file, in hexadecimal digits.  ending: of its name in the clips' folder, such as “.mp3”;
    empty where no audio is kept.  facts: title and licence of the model, as JSON.
    """

    recipe: Recipe
    sha256: str
    ending: str
    facts: Mapping[str, Any]
    user_id: int
    guild_id: int | None
    channel_id: int
    application_id: int


class OpenedClips:
    """The rows of jobs and clips that came from files."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def find(self, user_id: int, sha256: str) -> Clip | None:
        """Return the clip that a member made of the same file before, where it is not deleted."""
        row = await self._db.read_one(_SELECT_OPENED, {"user_id": user_id, "sha256": sha256})
        return clip_of(row) if row else None

    async def rendered(self, user_id: int, recipe: Recipe) -> list[Clip]:
        """Return a member's own clips of a recipe that still have their files, newest first."""
        rows = await self._db.read(_SELECT_RENDERED_BY_SEED, {"user_id": user_id, "seed": recipe.seed})
        return [clip for clip in map(clip_of, rows) if clip.recipe == recipe]

    async def add(self, new: NewOpened, now: float) -> tuple[Clip, list[str]]:
        """Return the clip of a file, and the names of older files that are now without a record.

        The record is there before the file: what a kill leaves is a clip without its audio.
        """
        values = {
            "recipe": new.recipe.to_json(),
            "mode": new.recipe.mode,
            "user_id": new.user_id,
            "guild_id": new.guild_id,
            "channel_id": new.channel_id,
            "application_id": new.application_id,
            "ending": new.ending,
            "facts": json.dumps({**new.facts, "sha256": new.sha256}, ensure_ascii=False),
            "now": now,
            "kept": MAX_OPENED,
        }
        async with self._db.write() as tx:
            job = await one(tx, _INSERT_OPENED_JOB, values)
            values["job_id"] = job["id"] if job else None
            row = await one(tx, _INSERT_OPENED_CLIP, values)
            excess = list(await (await tx.execute(_SELECT_OPENED_EXCESS, values)).fetchall())
            for clip in excess:
                await tx.execute("UPDATE clips SET file = '' WHERE id = :id", {"id": clip["id"]})
        if row is None:
            raise StoreError("An opened file was not stored.")
        return clip_of(row), [clip["file"] for clip in excess]

    async def written_again(self, clip: Clip, ending: str) -> str:
        """Record that an opened clip has a file once more, and return the file's name."""
        name = f"{clip.job_id:08}{ending}"
        async with self._db.write() as tx:
            await tx.execute(
                "UPDATE clips SET file = :file WHERE id = :id AND deleted_at IS NULL",
                {"id": clip.id, "file": name},
            )
        return name


_SELECT_OPENED = """
SELECT clips.* FROM clips JOIN jobs ON jobs.id = job_id
WHERE clips.user_id = :user_id AND opened = 1 AND deleted_at IS NULL
  AND json_extract(facts, '$.sha256') = :sha256
ORDER BY clips.id DESC LIMIT 1
"""
_SELECT_RENDERED_BY_SEED = """
SELECT clips.* FROM clips JOIN jobs ON jobs.id = job_id
WHERE clips.user_id = :user_id AND opened = 0 AND deleted_at IS NULL AND file <> '' AND state = 'delivered'
  AND json_extract(clips.recipe, '$.seed') = :seed
ORDER BY clips.id DESC
"""
_INSERT_OPENED_JOB = """
INSERT INTO jobs (state, recipe, mode, user_id, guild_id, channel_id, application_id, can_post, max_bytes,
                  created_at, finished_at, notified, opened)
VALUES ('delivered', :recipe, :mode, :user_id, :guild_id, :channel_id, :application_id, 0, 0,
        :now, :now, 1, 1)
RETURNING id
"""
_INSERT_OPENED_CLIP = """
INSERT INTO clips (job_id, recipe, user_id, guild_id, channel_id, file, picture, facts, created_at)
VALUES (:job_id, :recipe, :user_id, :guild_id, :channel_id,
        CASE :ending WHEN '' THEN '' ELSE printf('%08d', :job_id) || :ending END, '', :facts, :now)
RETURNING *
"""
_SELECT_OPENED_EXCESS = """
SELECT clips.id, file FROM clips JOIN jobs ON jobs.id = job_id
WHERE clips.user_id = :user_id AND opened = 1 AND file <> ''
ORDER BY clips.id DESC LIMIT -1 OFFSET :kept
"""
