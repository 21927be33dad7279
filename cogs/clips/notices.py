"""Notifying a member of a job's failure or cancellation."""

from __future__ import annotations

import logging

from bot.app import Antiphon
from bot.errors import NotFound
from bot.store.jobs import Job, State
from cogs.delivery.backoff import with_backoff
from cogs.delivery.notices import BLOCKED_WORDS, Notice, NoticeSender
from cogs.delivery.original_response import OriginalResponses
from cogs.delivery.post_once import PostOnce
from cogs.delivery.refusals import Refused, Remedy
from cogs.ui.text import in_a_line

log = logging.getLogger(__name__)


class JobNotices:
    """Notifies members of failed and cancelled jobs."""

    def __init__(self, bot: Antiphon, responses: OriginalResponses, posts: PostOnce) -> None:
        self._bot = bot
        self._responses = responses
        self._sender = NoticeSender(bot, responses, posts)

    async def notify(self, job_id: int) -> None:
        """Notify of a job's end, and record that this happened, or that no way was open.

        Raises Refused where the bot's own token was revoked.
        """
        try:
            await with_backoff(lambda: self._attempt(job_id), f"the notice of job {job_id}")
        except Refused as refused:
            if refused.remedy is Remedy.REVOKED:
                raise
            log.warning("no notice of job %d could be sent: %s", job_id, refused)
        await self._bot.outbox.notified(job_id)

    async def _attempt(self, job_id: int) -> None:
        async with self._responses.lock(job_id):
            job = await self._bot.history.job(job_id)
            try:
                await self._sender.send(job, await self._notice(job))
            except Refused as refused:
                if refused.remedy is not Remedy.WITHOUT_WORDS:
                    raise
                await self._sender.send(job, await self._notice(job, with_words=False))

    async def _notice(self, job: Job, *, with_words: bool = True) -> Notice:
        line = f"{in_a_line(job.recipe)}\n" if with_words and job.error != BLOCKED_WORDS else ""
        return Notice(
            line + await self._reason(job),
            nonce=f"{job.id}-notice",
            intend=lambda: self._bot.outbox.posting(job.id),
            mention=job.state is State.FAILED,
        )

    async def _reason(self, job: Job) -> str:
        if job.state is State.CANCELLED:
            return "Cancelled."
        try:
            await self._bot.history.clip_of_job(job.id)
        except NotFound:
            return f"That did not work. {job.error}"
        return f"The clip is ready, but it could not be shown here. {job.error} See /history."
