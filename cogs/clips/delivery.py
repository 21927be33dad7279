"""Delivering a rendered clip.

The ways, in order: the answer by its token, a post that mentions the member, the answer by the bot's own
token, a direct message. Where none is open, the job fails with a reason, and the member is notified as of any
other failure.
"""

from __future__ import annotations

import logging
from dataclasses import replace

import discord

from bot.app import Antiphon
from bot.audio.reencode import reencode, smaller_limit
from bot.errors import NotFound, RenderError
from bot.store.clips import Clip
from bot.store.jobs import Delivery, Job, State
from cogs.clips.buttons import clip_buttons
from cogs.clips.card import clip_card, without_words
from cogs.clips.gestures import gesture_buttons
from cogs.coach import CoachOfClipButton
from cogs.delivery.backoff import with_backoff
from cogs.delivery.direct_message import direct_channel
from cogs.delivery.original_response import OriginalResponses
from cogs.delivery.post_once import PostOnce, unarchive
from cogs.delivery.refusals import TOKEN_OVER, Refused, Remedy
from cogs.delivery.respondable import Draft, Shown
from cogs.presets.buttons import PresetOfClipButton
from cogs.ui.buttons import IdButton, carries_clip
from cogs.ui.text import in_a_line

log = logging.getLogger(__name__)

ONLY_YOU = "Only you can see this, and Discord forgets it when it restarts. /history sends the clip again."

_NEXT_WAY = (Remedy.ELSEWHERE, Remedy.UNARCHIVE, Remedy.GIVE_UP, Remedy.WITHOUT_WORDS)


class ClipDelivery:
    """Delivers the clips of rendered jobs."""

    def __init__(self, bot: Antiphon, responses: OriginalResponses, posts: PostOnce) -> None:
        self._bot = bot
        self._responses = responses
        self._posts = posts

    async def deliver(self, job_id: int) -> None:
        """Deliver a job's clip, or fail the job with a reason, of which JobNotices notifies the member.

        Raises Refused where the bot's own token was revoked.
        """
        try:
            await with_backoff(lambda: self._attempt(job_id), f"job {job_id}")
        except Refused as refused:
            if refused.remedy is Remedy.REVOKED:
                raise
            log.warning("job %d cannot be delivered: %s", job_id, refused)
            if refused.remedy is Remedy.WITHDRAWN:
                await self._bot.outbox.withdrawn(job_id, refused.refusal.reason)
            else:
                await self._bot.jobs.undeliverable(job_id, refused.refusal.reason)
        except NotFound as error:
            log.warning("job %d cannot be delivered: %s", job_id, error)
            await self._bot.jobs.undeliverable(job_id, str(error))

    async def _attempt(self, job_id: int) -> None:
        async with self._responses.lock(job_id):
            # Read under the lock: a deletion or an earlier attempt may have ended the job meanwhile.
            job = await self._bot.history.job(job_id)
            if job.state is not State.RENDERED:
                return
            clip = await self._bot.history.clip_of_job(job_id)
            draft, worded, smaller = await self._draft(job, clip), True, False
            while True:
                try:
                    shown = await self._send(job, clip, draft)
                    break
                except Refused as refused:
                    if refused.remedy is Remedy.SMALLER:
                        await self._make_smaller(clip, refused)
                        smaller = True
                    elif refused.remedy is Remedy.WITHOUT_WORDS and worded and draft.embed is not None:
                        draft, worded = replace(draft, embed=without_words(draft.embed)), False
                    else:
                        raise
            # Only a size that Discord took is remembered; the refused one says nothing about the limit.
            if smaller:
                size = (self._bot.settings.clip_dir / clip.file).stat().st_size
                await self._bot.outbox.limit_uploads(job.guild_id or job.channel_id, size)
            delivery = Delivery(shown.message_id, shown.channel_id, shown.guild_id, shown.ephemeral)
            if not await self._bot.jobs.delivered(job_id, delivery):
                # The member was erased meanwhile, and the message with them.
                self._bot.deletions.wake()

    async def _draft(self, job: Job, clip: Clip) -> Draft:
        hint = None
        if self._bot.policy.server(clip.guild_id).is_on("coach"):
            hint = await self._bot.coach.hint(clip.user_id, clip.recipe.prompt, clip.recipe.mode)
        card = clip_card(clip, self._bot.settings.clip_dir, hint and f"💡 {hint}")
        more: list[IdButton] = [PresetOfClipButton(clip.id)] if clip.preset_version else []
        more += [CoachOfClipButton(clip.id)] if hint else []
        return Draft(
            content=ONLY_YOU if job.answer_ephemeral else None,
            embed=card.embed,
            view=clip_buttons(
                clip,
                *gesture_buttons(self._bot, clip),
                *more,
                can_duel=job.can_post and job.guild_id is not None,
            ),
            files=card.files,
        )

    async def _send(self, job: Job, clip: Clip, draft: Draft) -> Shown:
        """Send by the first way that is open. Raises Refused."""
        try:
            if (shown := await self._responses.edit_by_token(job, draft)) is not None:
                return shown
        except Refused as refused:
            if refused.remedy not in (Remedy.ELSEWHERE, Remedy.UNARCHIVE, Remedy.GIVE_UP):
                raise
            log.info("the answer of job %d takes no clip: %s", job.id, refused)
        return await self._send_late(job, clip, draft)

    async def _send_late(self, job: Job, clip: Clip, draft: Draft) -> Shown:
        """Send with the bot's own token, unless an earlier attempt did. Raises Refused."""
        answer = await self._responses.fetch(job)
        if answer is not None and carries_clip(answer, clip.id):
            return Shown(answer.id, job.channel_id, job.guild_id)
        reason: Refused | None = None
        if job.can_post:
            there = self._bot.get_partial_messageable(job.channel_id, guild_id=job.guild_id)
            try:
                shown = await self._post(there, job, clip, replace(draft, ping=job.user_id))
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
        note = f"I couldn't show this clip in <#{job.channel_id}>. {why}"
        try:
            channel = await direct_channel(self._bot, job.user_id)
            shown = await self._post(channel, job, clip, replace(draft, content=note))
        except Refused as refused:
            if refused.remedy not in _NEXT_WAY:
                raise
            raise reason or Refused(TOKEN_OVER, refused) from refused
        await self._point_to(job, shown)
        return shown

    async def _post(
        self, channel: discord.abc.Messageable, job: Job, clip: Clip, draft: Draft, *, again: bool = True
    ) -> Shown:
        try:
            return await self._posts.post(
                channel,
                draft,
                nonce=str(job.id),
                intend=lambda: self._bot.outbox.posting(job.id),
                after=job.interaction_id,
                is_it=lambda message: carries_clip(message, clip.id),
            )
        except Refused as refused:
            if not (again and refused.remedy is Remedy.UNARCHIVE):
                raise
            if not await unarchive(self._bot, job.channel_id):
                raise
        return await self._post(channel, job, clip, draft, again=False)

    async def _point_to(self, job: Job, shown: Shown) -> None:
        """Replace the progress that the dead token left behind; no refusal of that takes back the clip."""
        text = f"{in_a_line(job.recipe)}\nThis one took a while: {shown.link}"
        try:
            await with_backoff(
                lambda: self._responses.edit(job, Draft(text)), f"the old progress of job {job.id}"
            )
        except Refused as refused:
            if refused.remedy is Remedy.REVOKED:
                raise
            log.info("the old progress of job %d stays: %s", job.id, refused)

    async def _make_smaller(self, clip: Clip, refused: Refused) -> None:
        """Encode the clip again for a place that takes less than it promised. Raises Refused."""
        path = self._bot.settings.clip_dir / clip.file
        limit = smaller_limit([path])
        if limit is None:
            raise Refused(replace(refused.refusal, remedy=Remedy.ELSEWHERE), refused)
        log.info("clip %d is encoded again for %d bytes", clip.id, limit)
        try:
            await reencode(path, limit)
        except RenderError as error:
            raise Refused(replace(refused.refusal, remedy=Remedy.GIVE_UP), error) from error
