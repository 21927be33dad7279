"""Members' jobs and clips: the reads of commands, buttons and deliveries."""

from __future__ import annotations

from bot.errors import NotFound
from bot.store.clips import Clip, Clips, HistoryEntry
from bot.store.jobs import Job, Jobs


class History:
    """Reads of jobs and clips."""

    def __init__(self, jobs: Jobs, clips: Clips) -> None:
        self._jobs = jobs
        self._clips = clips

    async def job(self, job_id: int) -> Job:
        """Return a job in any state. Raises NotFound."""
        return await self._jobs.get(job_id)

    async def open_jobs(self, user_id: int) -> list[Job]:
        """Return a member's jobs that are queued or running, oldest first."""
        return await self._jobs.open_of(user_id)

    async def open_jobs_in(self, guild_id: int) -> list[Job]:
        """Return a server's jobs that are queued or running, oldest first."""
        return await self._jobs.open_in(guild_id)

    async def recent_prompts(self, user_id: int, containing: str, limit: int) -> list[str]:
        """Return a member's own prompts, last used first, each once, that hold `containing` in any case."""
        return await self._jobs.recent_prompts(user_id, containing, limit)

    async def clip(self, clip_id: int) -> Clip:
        """Return a clip. Raises NotFound."""
        return await self._clips.get(clip_id)

    async def own_clip(self, user_id: int, clip_id: int) -> Clip:
        """Return a clip that a member asked for. Raises NotFound for anybody else's."""
        clip = await self._clips.get(clip_id)
        if clip.user_id != user_id:
            raise NotFound("That clip isn't yours.")
        return clip

    async def usual_seconds(self, model: str) -> float | None:
        """Return how many seconds a model's clips usually take to render here, None where none was made."""
        return await self._clips.usual_seconds(model)

    async def clip_of_job(self, job_id: int) -> Clip:
        """Return the clip that a job made. Raises NotFound."""
        return await self._clips.of_job(job_id)

    async def last_clip(self, user_id: int) -> Clip | None:
        """Return a member's newest clip. Those of a duel that is not over are left out."""
        clips = await self._clips.of_member(user_id, before=None, limit=1)
        return clips[0] if clips else None

    async def page(self, user_id: int, *, before: int | None, limit: int) -> list[HistoryEntry]:
        """Return a member's clips, newest first, below the id `before` where one is given.

        Each has the reason where it has no message to link to.
        """
        return await self._clips.history(user_id, before=before, limit=limit)
