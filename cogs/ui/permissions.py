"""Moderators' permissions: in a whole server, or in one channel."""

from __future__ import annotations

from typing import Any

import discord


def moderates_server(interaction: discord.Interaction[Any]) -> bool:
    """Tell whether the acting member may manage the server or its messages, by their roles.

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
    """Tell whether the acting member may manage messages in the channel."""
    return interaction.guild_id is not None and interaction.permissions.manage_messages
