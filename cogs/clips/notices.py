"""Notifying a member of a job's failure or cancellation."""

from __future__ import annotations

import logging
from contextlib import suppress

from bot.app import Antiphon
from bot.errors import BLOCKED_WORDS, NotFound
from bot.locale import ntr, speaking, tr
from bot.store.job_model import Job, State
from cogs.clips.takes_card import takes_line
from cogs.delivery.backoff import with_backoff
from cogs.delivery.notices import Notice, NoticeSender
from cogs.delivery.original_response import OriginalResponses
from cogs.delivery.post_once import PostOnce
from cogs.delivery.refusals import Refused, Remedy
from cogs.delivery.respondable import language_of
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
        job = await self._bot.history.job(job_id)
        outbox = self._bot.outbox
        await (outbox.notified if job.takes_of is None else outbox.takes_notified)(job_id)

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
        jobs = [job] if job.takes_of is None else await self._bot.history.takes(job.id)
        failed = [one for one in jobs if one.state is State.FAILED]
        shown = takes_line(job, len(jobs)) if len(jobs) > 1 else in_a_line(job.recipe)
        worded = with_words and all(one.error != BLOCKED_WORDS for one in jobs)
        with speaking(language_of(self._bot, job)):
            reason = await self._reason(failed)
        return Notice(
            (f"{shown}\n" if worded else "") + reason,
            nonce=f"{job.id}-notice",
            intend=lambda: self._bot.outbox.posting(job.id),
            mention=bool(failed),
        )

    async def _reason(self, failed: list[Job]) -> str:
        if not failed:
            return tr("Cancelled.")
        undelivered = []
        for job in failed:
            with suppress(NotFound):
                await self._bot.history.clip_of_job(job.id)
                undelivered.append(job)
        if not undelivered:
            # Several takes mostly fail for one reason.
            reasons = " ".join(dict.fromkeys(tr(str(job.error)) for job in failed))
            return tr("That did not work. {reasons}", reasons=reasons)
        return ntr(
            "The clip is ready, but it could not be shown here. {reason} See /history.",
            "The clips are ready, but they could not be shown here. {reason} See /history.",
            len(undelivered),
            reason=tr(str(undelivered[0].error)),
        )
