"""Gateway events about what is gone: messages, channels, threads, and the bot's own place in a server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

import discord
from discord.ext import commands

from bot.app import Antiphon
from bot.errors import StoreError

log = logging.getLogger(__name__)


class Removals(commands.Cog):
    """Passes removals on. Events that come while the bot is down are lost; Discord does not repeat them."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot
        self._task: asyncio.Task[None] | None = None

    async def cog_load(self) -> None:
        """Start comparing deletions with what is recorded late."""
        self._task = asyncio.create_task(self.bot.removals.run(), name="removals")

    async def cog_unload(self) -> None:
        """Stop it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        """One message was deleted, by its author, a moderator or this bot."""
        await _noted(self.bot.removals.messages([event.message_id]))

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        """Many messages were deleted at once, by a moderation bot for example."""
        await _noted(self.bot.removals.messages(sorted(event.message_ids)))

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """A channel was deleted; discord.py reports its threads one by one."""
        await _noted(self.bot.removals.channel(channel.id))

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, event: discord.RawThreadDeleteEvent) -> None:
        """A thread or forum post was deleted."""
        await _noted(self.bot.removals.channel(event.thread_id))

    @commands.Cog.listener()
    async def on_raw_thread_update(self, event: discord.RawThreadUpdateEvent) -> None:
        """A thread was archived and locked. One that is archived alone comes back with the next message."""
        state = event.data.get("thread_metadata", {})
        if state.get("archived") and state.get("locked"):
            await _noted(self.bot.removals.thread_locked(event.thread_id))

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """The bot was kicked or banned, left, or the server was deleted; an outage is another event."""
        await _noted(self.bot.removals.guild(guild.id))


async def _noted(change: Awaitable[None]) -> None:
    try:
        await change
    except StoreError:
        log.exception("a removal in Discord could not be recorded")


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Removals(bot))
