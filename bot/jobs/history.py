"""Members' jobs and clips: the reads of commands, buttons and deliveries."""

from __future__ import annotations

from collections.abc import Callable

from bot.errors import NotFound
from bot.store.clip_search import ClipFilter, ClipSearch, HistoryEntry, VisibleChannels
from bot.store.clips import Clip, Clips
from bot.store.family import Family
from bot.store.job_model import Job
from bot.store.jobs import Jobs


class History:
    """Reads of jobs and clips, and stored searches. `clock` gives Unix time in seconds."""

    def __init__(self, jobs: Jobs, clips: Clips, search: ClipSearch, clock: Callable[[], float]) -> None:
        self._jobs = jobs
        self._clips = clips
        self._search = search
        self._clock = clock

    async def job(self, job_id: int) -> Job:
        """Return a job in any state. Raises NotFound."""
        return await self._jobs.get(job_id)

    async def takes(self, first_id: int) -> list[Job]:
        """Return the jobs of a group of takes, the first one first; empty where there is no such group."""
        return await self._jobs.takes.jobs(first_id)

    async def clips_of_takes(self, first_id: int) -> list[tuple[int, Clip]]:
        """Return the clips of a group that are not deleted, by the number of the take."""
        return await self._jobs.takes.clips(first_id)

    async def takes_of_clip(self, clip_id: int) -> int | None:
        """Return the group that a clip is a take of; None for a clip of its own."""
        return await self._jobs.takes.group_of(clip_id)

    async def open_jobs(self, user_id: int) -> list[Job]:
        """Return a member's jobs that are queued or running, oldest first."""
        return await self._jobs.open_of(user_id)

    async def open_jobs_in(self, guild_id: int) -> list[Job]:
        """Return a server's jobs that are queued or running, oldest first."""
        return await self._jobs.open_in(guild_id)

    async def recent_prompts(self, user_id: int, containing: str, limit: int) -> list[str]:
        """Return a member's own prompts, last used first, each once, that hold `containing` in any case."""
        return await self._jobs.recent_prompts(user_id, containing, limit)

    async def last_locale(self, user_id: int) -> str:
        """Return the locale of a member's Discord client at their last request; empty where none is known."""
        return await self._jobs.last_locale(user_id)

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

    async def page(
        self,
        user_id: int,
        wanted: ClipFilter,
        visible: VisibleChannels | None,
        *,
        before: int | None,
        limit: int,
    ) -> list[HistoryEntry]:
        """Return the clips that a filter matches, newest first, below the id `before` where one is given.

        Each has the reason where it has no message to link to. visible: the channels in which a search in a
        server looks; None where there is no server, which has no clips then.
        """
        if not wanted.in_server:
            return await self._search.own(user_id, wanted, before=before, limit=limit)
        if visible is None:
            return []
        return await self._search.in_server(visible, wanted, before=before, limit=limit)

    async def shown_clip(self, user_id: int, clip_id: int, visible: VisibleChannels | None) -> Clip:
        """Return a clip that is a member's own, or posted where they can see it. Raises NotFound."""
        clip = await self._clips.get(clip_id)
        if clip.user_id == user_id:
            return clip
        wanted = ClipFilter(in_server=True)
        found = await self.page(user_id, wanted, visible, before=clip_id + 1, limit=1)
        if not found or found[0].clip.id != clip_id:
            raise NotFound("That clip isn't yours.")
        return found[0].clip

    async def family(self, clip: Clip, user_id: int, visible: VisibleChannels | None) -> Family:
        """Return what a clip was made from and what was made of it, as far as a member may see it."""
        return await self._jobs.families.of(clip, user_id, visible)

    async def store_search(self, user_id: int, wanted: ClipFilter) -> int:
        """Store a search for the buttons under its pages, and return its id; 0 for a filter of nothing."""
        if wanted == ClipFilter():
            return 0
        return await self._search.store(user_id, wanted, self._clock())

    async def stored_search(self, user_id: int, search_id: int) -> ClipFilter:
        """Return a stored search of a member; 0 is the filter of nothing. Raises NotFound."""
        return await self._search.stored(user_id, search_id) if search_id else ClipFilter()
