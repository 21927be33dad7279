"""Who moderates: a whole server, or one channel."""

from __future__ import annotations

from typing import Any

import discord


def moderates_server(interaction: discord.Interaction[Any]) -> bool:
    """Tell whether the person who acts may manage the server or its messages, by their roles.

    `interaction.permissions` would be those in the channel, overwrites included (Discord's documentation of
    the guild member object): the author of one forum post, or the owner of a temporary voice channel, is
    often given Manage Messages there.
    """
    member = interaction.user
    if not isinstance(member, discord.Member):
        return False
    granted = member.guild_permissions
    return granted.manage_messages or granted.manage_guild


def moderates_channel(interaction: discord.Interaction[Any]) -> bool:
    """Tell whether the person who acts may manage messages where they act."""
    return interaction.guild_id is not None and interaction.permissions.manage_messages
