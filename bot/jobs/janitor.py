"""Keeps the clips' folder within its size: the oldest files go, their records and messages stay.

Melodies go with the last clip that follows them. A removal is recorded before the files are unlinked, so a
kill in between leaves files without a record; the next start removes those.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from pathlib import Path

from bot.config import Settings
from bot.errors import StoreError
from bot.jobs.files import remove_files
from bot.jobs.melodies import Melodies
from bot.jobs.service import Advanced, JobService, Moved
from bot.store.clips import Clips
from bot.store.job_model import State

log = logging.getLogger(__name__)

_OF_JOB = re.compile(r"(\d{8,})(?:-preview\.mp3|\.(?:mp3|flac|wav|png))", re.ASCII)
_OF_DUEL = re.compile(r"duel-(\d{8,})(?:-[ab]\.mp3|\.png)", re.ASCII)


class Janitor:
    """Looks at the folder whenever a job is over."""

    def __init__(self, clips: Clips, melodies: Melodies, settings: Settings) -> None:
        self._clips = clips
        self._melodies = melodies
        self._folder = settings.clip_dir
        self._limit = settings.keep_clips_gb * 1e9
        self._task: asyncio.Task[None] | None = None

    def attach(self, service: JobService) -> None:
        """Subscribe to ended jobs, and start with the files that a killed run left."""
        service.subscribe(self._moved)
        self._task = asyncio.get_running_loop().create_task(self._start())

    async def close(self) -> None:
        """Stop the clean-up in progress; the next start resumes it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def tidy(self) -> int:
        """Remove the oldest clips' files until the rest fits; return how many clips lost theirs."""
        removed = await self._make_room() if self._limit > 0 else 0
        await self.sweep()
        return removed

    async def sweep(self) -> None:
        """Remove the melodies that nothing follows any more."""
        await self._melodies.sweep(self._clips.stored_sources)

    async def remove_unrecorded(self) -> None:
        """Remove the files and melodies of rows that were erased."""
        await self.remove_orphans()
        await self.sweep()

    async def remove_orphans(self) -> int:
        """Remove files of jobs and duels that are over and whose records name them no more; return how many.

        Files whose job or duel this database does not have are left alone: after a restored backup, or beside
        a second database, they may be somebody's only copy.
        """
        # The folder is listed first: what is published meanwhile belongs to a job that is still open.
        names = await asyncio.to_thread(os.listdir, self._folder)
        ended = await self._clips.files_of_ended_jobs()
        duels = await self._clips.duels_without_files()
        orphans = [
            name
            for name in names
            if ((match := _OF_JOB.fullmatch(name)) and name not in ended.get(int(match[1]), {name}))
            or ((match := _OF_DUEL.fullmatch(name)) and int(match[1]) in duels)
        ]
        await asyncio.to_thread(remove_files, self._folder, *orphans)
        return len(orphans)

    async def _start(self) -> None:
        try:
            if orphans := await self.remove_orphans():
                log.info("removed %d files that an interrupted removal left behind", orphans)
        except (StoreError, OSError):
            log.exception("the clips' folder could not be searched for files without a record")
        await self._tidy_quietly()

    async def _make_room(self) -> int:
        clips = await self._clips.with_files()
        # Oldest first, so what stays here is the last clip with a stored source, which goes with it.
        last = {source: clip.id for clip in clips for source in clip.recipe.stored_sources}
        sizes = [
            size(self._folder, clip.file)
            + size(self._folder, clip.picture)
            + sum(
                size(self._melodies.folder, source)
                for source in clip.recipe.stored_sources
                if last[source] == clip.id
            )
            for clip in clips
        ]
        excess = sum(sizes) - self._limit
        removed = 0
        for clip, bytes_ in zip(clips, sizes, strict=True):
            if excess <= 0:
                break
            await self._clips.files_removed(clip.id)
            remove_files(self._folder, clip.file, clip.picture)
            excess -= bytes_
            removed += 1
        return removed

    def _moved(self, event: Moved | Advanced) -> None:
        if (
            isinstance(event, Moved)
            and event.state in (State.DELIVERED, State.FAILED, State.CANCELLED)
            and (not self._task or self._task.done())
        ):
            self._task = asyncio.get_running_loop().create_task(self._tidy_quietly())

    async def _tidy_quietly(self) -> None:
        try:
            if removed := await self.tidy():
                log.info("removed the files of %d old clips to keep within KEEP_CLIPS_GB", removed)
        except (StoreError, OSError):
            log.exception("the clips' folder could not be tidied")


def size(folder: Path, name: str | None) -> int:
    """Return a file's bytes, 0 where it is not there."""
    try:
        return (folder / name).stat().st_size if name else 0
    except FileNotFoundError:
        return 0
