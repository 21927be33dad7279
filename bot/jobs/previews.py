"""The first seconds of slow clips, between the worker that writes them and the edit that shows them.

A preview is part of the progress: it is taken off the disk before it is sent, and sent at most once for each
time that a clip is rendered, so a kill leaves neither a file nor a second clip.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bot.errors import StoreError
from bot.executor.protocol import PREVIEW_SECONDS, Preview
from bot.jobs.estimates import Estimates
from bot.jobs.files import preview_file, remove_files
from bot.recipe import Recipe, Task
from bot.store.job_model import Job, State
from bot.store.jobs import Jobs

LONG_SECONDS = 15.0
"""A clip that is expected to render for longer has a preview."""
MIN_CLIP_SECONDS = 2 * PREVIEW_SECONDS
"""A shorter clip has none: its preview would be most of it."""
_BEGIN_WITH_A_SOURCE = (Task.CONTINUE, Task.REPAINT)
"""Their first seconds are those of another clip, or may be."""


class Previews:
    """allowed: tells whether a server, or None for direct messages, has them."""

    def __init__(
        self, jobs: Jobs, estimates: Estimates, folder: Path, allowed: Callable[[int | None], bool]
    ) -> None:
        self._jobs = jobs
        self._estimates = estimates
        self._folder = folder
        self._allowed = allowed
        self._written: set[int] = set()

    async def path_for(self, job: Job) -> str:
        """Return where a worker writes the preview of a job that it is given, or "" where there is none.

        One side of a duel would be told by it, and takes are posted together.
        """
        if job.in_duel or job.takes_of is not None or not previewed(job.recipe):
            return ""
        if not self._allowed(job.guild_id):
            return ""
        try:
            if await self._jobs.followups.has_next(job.id):
                return ""
            duration = await self._estimates.duration(job.recipe)
        except StoreError:
            # The job is claimed already, and has to reach its worker.
            return ""
        if duration.seconds <= LONG_SECONDS:
            return ""
        return str((self._folder / preview_file(job.id)).resolve())

    async def record(self, event: Preview) -> None:
        """Keep a preview for the next edit; remove it where its job was cancelled or erased meanwhile."""
        if any(job.id == event.job_id for job in await self._jobs.running()):
            self._written.add(event.job_id)
        else:
            self.discard(event.job_id)

    def take(self, job: Job) -> bytes | None:
        """Return the preview of a running job as an MP3, once, and remove its file; None without one."""
        if job.state is not State.RUNNING or job.id not in self._written:
            return None
        try:
            return (self._folder / preview_file(job.id)).read_bytes()
        except OSError:
            return None
        finally:
            self.discard(job.id)

    def discard(self, job_id: int) -> None:
        """Remove what may be there of a job that is over, or begins again."""
        self._written.discard(job_id)
        remove_files(self._folder, preview_file(job_id))


def previewed(recipe: Recipe) -> bool:
    """Tell whether a recipe's clip is long enough for a preview, and begins with something new."""
    return recipe.seconds >= MIN_CLIP_SECONDS and recipe.task not in _BEGIN_WITH_A_SOURCE


def nowhere(guild_id: int | None) -> bool:
    """Allow no previews: what holds where nobody set anything."""
    return False
