"""The outbox of jobs: undelivered clips and notices, and the records of their delivery.

`docs/delivery.md` says why each record is written before or after its request to Discord.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.store.job_model import Job
from bot.store.jobs import Jobs


class JobOutbox:
    """Rendered clips, failures and cancellations. `clock` gives Unix time in seconds."""

    def __init__(self, jobs: Jobs, clock: Callable[[], float]) -> None:
        self._jobs = jobs
        self._clock = clock

    async def pending(self) -> list[Job]:
        """Return the jobs with an undelivered clip or notice, without those of duels."""
        return await self._jobs.outbox()

    async def posting(self, job_id: int) -> float | None:
        """Record that a message is about to be posted; return when that was first recorded, or None.

        Anything but None means that an earlier attempt may have posted it, so the channel has to be searched.
        """
        return await self._jobs.posting(job_id, self._clock())

    async def notified(self, job_id: int) -> None:
        """Record that the member knows of a failure or cancellation, and forget the interaction's token."""
        await self._jobs.notified(job_id)

    async def takes_notified(self, first_id: int) -> None:
        """Record that the member knows of the ends of all takes, and forget the tokens."""
        await self._jobs.takes.notified(first_id)

    async def withdrawn(self, job_id: int, reason: str) -> None:
        """Fail a rendered job whose message somebody deleted; nobody is notified."""
        await self._jobs.withdrawn(job_id, reason, self._clock())

    async def limit_uploads(self, guild_or_channel_id: int, max_bytes: int) -> None:
        """Record what a server or channel takes after a 413: later clips there are encoded for it at once."""
        await self._jobs.limit_uploads(guild_or_channel_id, max_bytes, self._clock())

    async def token_over(self, job_id: int, /) -> None:
        """Forget an interaction's token that Discord no longer accepts."""
        await self._jobs.token_over(job_id)

    async def answered(self, job_id: int, answer_id: int, /) -> None:
        """Record the message that shows a job's progress."""
        await self._jobs.answered(job_id, answer_id)
