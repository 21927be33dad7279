"""Notifying a member of a failure or a cancellation.

While the interaction's token lives, the notice is the answer. After that a failure is posted with a mention,
or goes as a direct message, and the old progress is replaced; a cancellation replaces the old progress alone.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import discord

from bot.app import Antiphon
from cogs.delivery.direct_message import direct_channel
from cogs.delivery.original_response import OriginalResponses
from cogs.delivery.post_once import PostOnce, unarchive
from cogs.delivery.refusals import Refused, Remedy
from cogs.delivery.respondable import Draft, Respondable, no_files

log = logging.getLogger(__name__)

_NOT_HERE = (Remedy.ELSEWHERE, Remedy.UNARCHIVE, Remedy.GIVE_UP)


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification. nonce, intend: as for PostOnce.  mention: whether to ping the member."""

    text: str
    nonce: str
    intend: Callable[[], Awaitable[float | None]]
    mention: bool


class NoticeSender:
    """Sends notices about jobs, or about duels."""

    def __init__(self, bot: Antiphon, responses: OriginalResponses, posts: PostOnce) -> None:
        self._bot = bot
        self._responses = responses
        self._posts = posts

    async def send(self, item: Respondable, notice: Notice) -> None:
        """Notify by the first way that is open. Raises Refused to retry, or without words."""
        try:
            if await self._responses.edit_by_token(item, _in_place(notice.text)) is not None:
                return
        except Refused as refused:
            if refused.remedy is Remedy.WITHDRAWN:
                return
            if refused.remedy not in _NOT_HERE:
                raise
        posted = not notice.mention or await self._post(item, notice)
        replaced = await self._replace_progress(item, notice.text)
        if not (posted or replaced):
            log.warning("no way was open for the notice %s", notice.nonce)

    async def _post(self, item: Respondable, notice: Notice) -> bool:
        """Post a notice that mentions the member, in the channel or directly; False where neither is open."""
        if item.can_post:
            there = self._bot.get_partial_messageable(item.channel_id, guild_id=item.guild_id)
            if await self._posted(there, item, notice, Draft(notice.text, ping=item.user_id)):
                return True
        try:
            channel = await direct_channel(self._bot, item.user_id)
        except Refused as refused:
            if refused.remedy in (Remedy.RETRY, Remedy.REVOKED):
                raise
            return False
        return await self._posted(channel, item, notice, Draft(notice.text))

    async def _posted(
        self, channel: discord.abc.MessageableChannel, item: Respondable, notice: Notice, draft: Draft
    ) -> bool:
        content = draft.for_post()["content"]
        for attempt in (1, 2):
            try:
                await self._posts.post(
                    channel,
                    draft,
                    nonce=notice.nonce,
                    intend=notice.intend,
                    after=item.interaction_id,
                    is_it=lambda message: bool(message.content == content),
                )
            except Refused as refused:
                if refused.remedy in (Remedy.RETRY, Remedy.REVOKED, Remedy.WITHOUT_WORDS):
                    raise
                if refused.remedy is Remedy.UNARCHIVE and attempt == 1:
                    await unarchive(self._bot, item.channel_id)
                    continue
                log.info("the notice %s was not posted: %s", notice.nonce, refused)
                return False
            else:
                return True
        return False

    async def _replace_progress(self, item: Respondable, text: str) -> bool:
        """Replace the progress that an expired token left in the channel."""
        for attempt in (1, 2):
            try:
                await self._responses.edit_by_bot(item, _in_place(text))
            except Refused as refused:
                if refused.remedy in (Remedy.RETRY, Remedy.REVOKED):
                    raise
                if refused.remedy is Remedy.UNARCHIVE and attempt == 1:
                    await unarchive(self._bot, item.channel_id)
                    continue
                log.info("the old progress of request %d stays: %s", item.id, refused)
                return refused.remedy is Remedy.WITHDRAWN
            else:
                return True
        return False


def _in_place(text: str) -> Draft:
    """Return a text that takes the place of the progress, and of a preview with it."""
    return Draft(text, files=no_files)
