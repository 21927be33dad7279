"""The channels of a server whose messages a member can read."""

from __future__ import annotations

from typing import Any

import discord

from bot.store.clip_search import VisibleChannels
from cogs.ui.gate import age_restricted


def visible_channels(interaction: discord.Interaction[Any]) -> VisibleChannels | None:
    """Return where the acting member can read old messages, None outside of a server.

    The bot does not know who is in a private thread, so one counts where the interaction is, and for those
    who manage threads. Age-restricted channels count in one of their kind alone: who may open them is decided
    by Discord's client and not by permissions.
    """
    guild, member = interaction.guild, interaction.user
    if interaction.guild_id is None or guild is None or not isinstance(member, discord.Member):
        return None
    here = interaction.channel_id
    restricted = age_restricted(interaction.channel)
    found = [
        channel.id
        for channel in (*guild.channels, *guild.threads)
        if channel.id != here and (restricted or not age_restricted(channel)) and _can_read(channel, member)
    ]
    if here is not None and interaction.permissions.read_message_history:
        found.append(here)
    return VisibleChannels(interaction.guild_id, found)


def _can_read(channel: discord.abc.GuildChannel | discord.Thread, member: discord.Member) -> bool:
    # A thread without its parent in the cache has no permissions to look at.
    if isinstance(channel, discord.Thread) and channel.parent is None:
        return False
    granted = channel.permissions_for(member)
    if isinstance(channel, discord.Thread) and channel.is_private() and not granted.manage_threads:
        return False
    return granted.view_channel and granted.read_message_history
