"""Delivering a rendered clip, or the takes of a request together.

The ways, in order: the answer by its token, a post that mentions the member, the answer by the bot's own
token, a direct message. Where none is open, the job fails with a reason, and the member is notified as of any
other failure.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import discord

from bot.app import Antiphon
from bot.audio.reencode import reencode, smaller_limit
from bot.errors import NotFound, RenderError
from bot.locale import speaking, tr
from bot.store.clips import Clip
from bot.store.job_model import Delivery, Job
from cogs.clips.posting import Posting, posting_of
from cogs.delivery.backoff import with_backoff
from cogs.delivery.direct_message import direct_channel
from cogs.delivery.original_response import OriginalResponses
from cogs.delivery.post_once import PostOnce, unarchive
from cogs.delivery.refusals import TOKEN_OVER, Refused, Remedy
from cogs.delivery.respondable import Draft, Shown, language_of, no_files
from cogs.ui.text import in_a_line

log = logging.getLogger(__name__)

_NEXT_WAY = (Remedy.ELSEWHERE, Remedy.UNARCHIVE, Remedy.GIVE_UP, Remedy.WITHOUT_WORDS)


class ClipDelivery:
    """Delivers the clips of rendered jobs."""

    def __init__(self, bot: Antiphon, responses: OriginalResponses, posts: PostOnce) -> None:
        self._bot = bot
        self._responses = responses
        self._posts = posts

    async def deliver(self, job_id: int) -> None:
        """Deliver a job's clip, or the takes that it is the first of.

        Where that fails for good, they fail with a reason, of which JobNotices notifies the member.

        Raises Refused where the bot's own token was revoked.
        """
        try:
            await with_backoff(lambda: self._attempt(job_id), f"job {job_id}")
        except Refused as refused:
            if refused.remedy is Remedy.REVOKED:
                raise
            log.warning("job %d cannot be delivered: %s", job_id, refused)
            withdrawn = refused.remedy is Remedy.WITHDRAWN
            await self._give_up(job_id, refused.refusal.reason, withdrawn=withdrawn)
        except NotFound as error:
            log.warning("job %d cannot be delivered: %s", job_id, error)
            await self._give_up(job_id, str(error))

    async def _give_up(self, job_id: int, reason: str, *, withdrawn: bool = False) -> None:
        job = await self._bot.history.job(job_id)
        if job.takes_of is not None:
            await self._bot.jobs.takes_undeliverable(job_id, reason, withdrawn=withdrawn)
        elif withdrawn:
            await self._bot.outbox.withdrawn(job_id, reason)
        else:
            await self._bot.jobs.undeliverable(job_id, reason)

    async def _attempt(self, job_id: int) -> None:
        async with self._responses.lock(job_id):
            # Read under the lock: a deletion or an earlier attempt may have ended the job meanwhile.
            job = await self._bot.history.job(job_id)
            posting = await posting_of(self._bot, job)
            if posting is None:
                return
            draft, smaller = posting.draft, False
            while True:
                try:
                    shown = await self._send(job, posting, draft)
                    break
                except Refused as refused:
                    if refused.remedy is Remedy.SMALLER:
                        await self._make_smaller(posting.clips, refused)
                        smaller = True
                    elif refused.remedy is Remedy.WITHOUT_WORDS and draft is not posting.wordless:
                        draft = posting.wordless
                    else:
                        raise
            # Only a size that Discord took is remembered; the refused one says nothing about the limit.
            if smaller:
                size = sum(path.stat().st_size for path in self._audio(posting.clips))
                await self._bot.outbox.limit_uploads(job.guild_id or job.channel_id, size)
            delivery = Delivery(shown.message_id, shown.channel_id, shown.guild_id, shown.ephemeral)
            jobs = self._bot.jobs
            recorded = jobs.delivered if job.takes_of is None else jobs.takes_delivered
            if not await recorded(job_id, delivery):
                # The member was erased meanwhile, and the message with them.
                self._bot.deletions.wake()

    async def _send(self, job: Job, posting: Posting, draft: Draft) -> Shown:
        """Send by the first way that is open. Raises Refused."""
        try:
            if (shown := await self._responses.edit_by_token(job, draft)) is not None:
                return shown
        except Refused as refused:
            if refused.remedy not in (Remedy.ELSEWHERE, Remedy.UNARCHIVE, Remedy.GIVE_UP):
                raise
            log.info("the answer of job %d takes no clip: %s", job.id, refused)
        return await self._send_late(job, posting, draft)

    async def _send_late(self, job: Job, posting: Posting, draft: Draft) -> Shown:
        """Send with the bot's own token, unless an earlier attempt did. Raises Refused."""
        answer = await self._responses.fetch(job)
        if answer is not None and posting.is_it(answer):
            return Shown(answer.id, job.channel_id, job.guild_id)
        reason: Refused | None = None
        if job.can_post:
            there = self._bot.get_partial_messageable(job.channel_id, guild_id=job.guild_id)
            try:
                shown = await self._post(there, job, posting, replace(draft, ping=job.user_id))
            except Refused as refused:
                if refused.remedy not in _NEXT_WAY:
                    raise
                reason = refused
            else:
                await self._point_to(job, shown)
                return shown
        try:
            if answer is not None:
                return await self._responses.edit_by_bot(job, draft)
        except Refused as refused:
            if refused.remedy not in _NEXT_WAY:
                raise
            reason = reason or refused
        why = reason.refusal.reason if reason else TOKEN_OVER.reason
        with speaking(language_of(self._bot, job)):
            note = tr(
                "I couldn't show this clip in <#{channel}>. {reason}", channel=job.channel_id, reason=tr(why)
            )
        try:
            channel = await direct_channel(self._bot, job.user_id)
            shown = await self._post(channel, job, posting, replace(draft, content=note))
        except Refused as refused:
            if refused.remedy not in _NEXT_WAY:
                raise
            raise reason or Refused(TOKEN_OVER, refused) from refused
        await self._point_to(job, shown)
        return shown

    async def _post(
        self,
        channel: discord.abc.MessageableChannel,
        job: Job,
        posting: Posting,
        draft: Draft,
        *,
        again: bool = True,
    ) -> Shown:
        try:
            return await self._posts.post(
                channel,
                draft,
                nonce=str(job.id),
                intend=lambda: self._bot.outbox.posting(job.id),
                after=job.interaction_id,
                is_it=posting.is_it,
            )
        except Refused as refused:
            if not (again and refused.remedy is Remedy.UNARCHIVE):
                raise
            if not await unarchive(self._bot, job.channel_id):
                raise
        return await self._post(channel, job, posting, draft, again=False)

    async def _point_to(self, job: Job, shown: Shown) -> None:
        """Replace the progress that the dead token left behind; no refusal of that takes back the clip."""
        with speaking(language_of(self._bot, job)):
            text = tr("{clip}\nThis one took a while: {link}", clip=in_a_line(job.recipe), link=shown.link)
        try:
            await with_backoff(
                lambda: self._responses.edit(job, Draft(text, files=no_files)),
                f"the old progress of job {job.id}",
            )
        except Refused as refused:
            if refused.remedy is Remedy.REVOKED:
                raise
            log.info("the old progress of job %d stays: %s", job.id, refused)

    def _audio(self, clips: list[Clip]) -> list[Path]:
        return [self._bot.settings.clip_dir / clip.file for clip in clips]

    async def _make_smaller(self, clips: list[Clip], refused: Refused) -> None:
        """Encode clips again for a place that takes less than it promised. Raises Refused."""
        paths = self._audio(clips)
        limit = smaller_limit(paths)
        if limit is None:
            raise Refused(replace(refused.refusal, remedy=Remedy.ELSEWHERE), refused)
        log.info("clips %s are encoded again for %d bytes each", [clip.id for clip in clips], limit)
        try:
            for path in paths:
                if path.stat().st_size > limit:
                    await reencode(path, limit)
        except RenderError as error:
            raise Refused(replace(refused.refusal, remedy=Remedy.GIVE_UP), error) from error
