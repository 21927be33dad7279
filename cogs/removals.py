"""Gateway events about deleted messages, channels and threads, and about the bot's removal from a server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

import discord
from discord.ext import commands

from bot.app import Antiphon
from bot.errors import StoreError
from cogs.ui.discord_errors import NETWORK_ERRORS, UNKNOWN_CHANNEL

log = logging.getLogger(__name__)


class Removals(commands.Cog):
    """Passes removals on. Discord repeats no event, so a start looks up the messages of open duels."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot
        self._tasks: list[asyncio.Task[None]] = []

    async def cog_load(self) -> None:
        """Start comparing deletions with messages whose ids are recorded late."""
        self._tasks = [
            asyncio.create_task(self.bot.removals.run(), name="removals"),
            asyncio.create_task(self._look_for_open_duels(), name="open duels"),
            asyncio.create_task(self._look_for_left_guilds(), name="left servers"),
        ]

    async def cog_unload(self) -> None:
        """Stop it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _look_for_left_guilds(self) -> None:
        """Record the servers that the bot was removed from while it was down."""
        await self.bot.wait_until_ready()
        await _noted(self.bot.retention.guilds_present([guild.id for guild in self.bot.guilds]))

    async def _look_for_open_duels(self) -> None:
        """End the duels whose message was deleted while the bot was down."""
        await self.bot.wait_until_ready()
        for duel in await self.bot.duels.all_open():
            channel = self.bot.get_partial_messageable(duel.channel_id, guild_id=duel.guild_id)
            try:
                await channel.fetch_message(duel.message_id or 0)
            except discord.NotFound as error:
                gone = error.code == UNKNOWN_CHANNEL
                removals = self.bot.removals
                await _noted(
                    removals.channel(duel.channel_id) if gone else removals.messages([duel.message_id or 0])
                )
            except (discord.HTTPException, *NETWORK_ERRORS) as error:
                log.info("whether the message of duel %d is still there is not known: %s", duel.id, error)

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
        await _noted(self.bot.retention.guild_left(guild.id))

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """The bot was invited, perhaps back."""
        await _noted(self.bot.retention.guild_joined(guild.id))


async def _noted(change: Awaitable[None]) -> None:
    try:
        await change
    except StoreError:
        log.exception("a removal in Discord could not be recorded")


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Removals(bot))
