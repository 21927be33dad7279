"""The original response: the answer to a command or button, which shows progress, then the result."""

from __future__ import annotations

import asyncio
from typing import cast
from weakref import WeakValueDictionary

import discord

from bot.app import Antiphon
from cogs.delivery.refusals import UNREACHABLE, Refused, Remedy, refusals
from cogs.delivery.respondable import Draft, Respondable, ResponseStore, Shown

MAX_MESSAGES_READ = 100
"""Messages read after the interaction, one request; the answer is the first of the bot's or soon after."""


class OriginalResponses:
    """Edits answers, one edit at a time for each: a late progress never covers a result.

    Only Discord says when a token is dead, so no clock of this machine is asked.
    """

    def __init__(self, bot: Antiphon, store: ResponseStore) -> None:
        self._bot = bot
        self._store = store
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    def lock(self, item_id: int) -> asyncio.Lock:
        """Return the lock to hold from looking at an item's state until its answer is edited."""
        # Held weakly, so that a lock goes with its last user and the table stays as small as the outbox.
        lock = self._locks.get(item_id)
        if lock is None:
            lock = self._locks[item_id] = asyncio.Lock()
        return lock

    async def edit(self, item: Respondable, draft: Draft) -> Shown:
        """Edit the answer: by the interaction's token as long as it lives, then with the bot's own.

        Raises Refused; with UNREACHABLE where the bot's own token cannot reach the answer.
        """
        if (shown := await self.edit_by_token(item, draft)) is not None:
            return shown
        return await self.edit_by_bot(item, draft)

    async def edit_by_token(self, item: Respondable, draft: Draft) -> Shown | None:
        """Edit the answer by the interaction's token; None where that is over. Raises Refused."""
        if item.interaction_token is None:
            return None
        webhook = discord.Webhook.partial(item.application_id, item.interaction_token, client=self._bot)
        try:
            with refusals(webhook=True):
                # The typed parameter is a message id; Discord's route takes this word for the answer itself.
                message = await webhook.edit_message(cast(int, "@original"), **draft.for_edit())
        except Refused as refused:
            if refused.remedy is not Remedy.TOKEN_OVER:
                raise
            # Erased, so that no later edit spends a request on it.
            await self._store.token_over(item.id)
            return None
        # The acknowledgement's own response was lost, or the answer was sent anew.
        if item.answer_id != message.id:
            await self._store.answered(item.id, message.id)
        return Shown(message.id, item.channel_id, item.guild_id, message.flags.ephemeral)

    async def edit_by_bot(self, item: Respondable, draft: Draft) -> Shown:
        """Edit the answer with the bot's own token. Raises Refused."""
        answer_id = await self._answer_id(item)
        if answer_id is None:
            raise Refused(UNREACHABLE)
        with refusals():
            message = await self._channel(item).get_partial_message(answer_id).edit(**draft.for_edit())
        return Shown(message.id, item.channel_id, item.guild_id)

    async def fetch(self, item: Respondable) -> discord.Message | None:
        """Fetch the original response from its channel; None where the bot cannot read it.

        Raises Refused where it was deleted, or Discord fails for a time.
        """
        try:
            answer_id = await self._answer_id(item)
            if answer_id is None:
                return None
            with refusals():
                return await self._channel(item).fetch_message(answer_id)
        except Refused as refused:
            if refused.remedy in (Remedy.ELSEWHERE, Remedy.UNARCHIVE, Remedy.GIVE_UP):
                return None
            raise

    async def _answer_id(self, item: Respondable) -> int | None:
        """Return the answer's message; found by reading the channel where it was never recorded."""
        # Discord shows an ephemeral message to its member alone; the bot's own token gets 10008 for it.
        if item.answer_ephemeral:
            return None
        if item.answer_id is not None or item.interaction_id is None or not item.can_post:
            return item.answer_id
        after = discord.Object(item.interaction_id)
        with refusals():
            async for message in self._channel(item).history(
                after=after, limit=MAX_MESSAGES_READ, oldest_first=True
            ):
                asked = message.interaction_metadata
                if self._bot.wrote(message) and asked is not None and asked.id == item.interaction_id:
                    await self._store.answered(item.id, message.id)
                    return message.id
        return None

    def _channel(self, item: Respondable) -> discord.PartialMessageable:
        return self._bot.get_partial_messageable(item.channel_id, guild_id=item.guild_id)
