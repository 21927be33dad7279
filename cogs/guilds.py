"""Servers that the bot is added to: it greets where it may stay, and leaves the others with a word."""

from __future__ import annotations

import logging

import discord
from discord.ext import commands

from bot.app import Antiphon
from cogs.ui.discord_errors import NETWORK_ERRORS
from cogs.ui.text import quoted

log = logging.getLogger(__name__)

GREETING = (
    "Hello! I make music: try `/music prompt:slow piano in the rain`. `/help` has the rest.\n"
    "If you manage this server: `/settings` sets who may ask for clips, where, and how much. `/setup check` "
    "shows whether I have the permissions that I need in a channel."
)
NOT_ALLOWED = (
    "Thank you for adding me. My owner only runs me for other servers, so I'm leaving this one. I stored "
    "nothing here. I'm free software, so you can run your own."
)
NAME_CHARACTERS = 60


class Guilds(commands.Cog):
    """Greets servers on joining. Those that the policy does not take are left, also after a change of it."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Leave the servers that are not allowed, or not any more."""
        for guild in list(self.bot.guilds):
            await self._leave_unless_allowed(guild)

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Greet, or leave."""
        if await self._leave_unless_allowed(guild):
            return
        channel = first_channel(guild)
        if channel is not None:
            await send_to(channel, GREETING)

    async def _leave_unless_allowed(self, guild: discord.Guild) -> bool:
        if self.bot.policy.rules.takes_guild(guild.id):
            return False
        await leave(self.bot, guild, NOT_ALLOWED)
        return True


async def leave(bot: Antiphon, guild: discord.Guild, words: str) -> None:
    """Leave a server with a word: in a channel, else to its owner, else without."""
    channel = first_channel(guild)
    notified = channel is not None and await send_to(channel, words)
    if not notified and guild.owner_id is not None:
        notified = await _notified_owner(bot, guild, words)
    try:
        await guild.leave()
    except (discord.HTTPException, *NETWORK_ERRORS) as error:
        log.warning("server %d was not left: %s", guild.id, error)
        return
    log.info("left server %d (%s)", guild.id, "with a word" if notified else "no place took a word")


def first_channel(guild: discord.Guild) -> discord.TextChannel | None:
    """Return the channel for a word to a server: its system channel, or the first where the bot may post."""
    found = [guild.system_channel, *guild.text_channels]
    return next((one for one in found if one is not None and _may_post(one)), None)


def _may_post(channel: discord.TextChannel) -> bool:
    granted = channel.permissions_for(channel.guild.me)
    return granted.view_channel and granted.send_messages


async def _notified_owner(bot: Antiphon, guild: discord.Guild, words: str) -> bool:
    try:
        channel = await bot.create_dm(discord.Object(guild.owner_id or 0))
    except (discord.HTTPException, *NETWORK_ERRORS):
        return False
    return await send_to(channel, f"{quoted(guild.name, NAME_CHARACTERS)}: {words}")


async def send_to(channel: discord.abc.Messageable, words: str) -> bool:
    """Post a word; False where Discord refuses it."""
    try:
        await channel.send(words)
    except (discord.HTTPException, *NETWORK_ERRORS) as error:
        log.info("a word to a server was refused: %s", error)
        return False
    return True


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Guilds(bot))
