"""Moderators' permissions: in a whole server, or in one channel."""

from __future__ import annotations

from typing import Any

import discord

from bot.policy.service import PolicyService


def moderates_server(interaction: discord.Interaction[Any]) -> bool:
    """Tell whether the acting member may manage the server or its messages, by their roles.

    The server's settings can name further ones.

    `interaction.permissions` would be those in the channel, overwrites included (Discord's documentation of
    the guild member object): the author of one forum post, or the owner of a temporary voice channel, is
    often given Manage Messages there.
    """
    member = interaction.user
    if not isinstance(member, discord.Member):
        return False
    granted = member.guild_permissions
    return (
        granted.manage_messages
        or granted.manage_guild
        or _has_role(interaction.client.policy, member, "moderator_roles")
    )


def manages_server(interaction: discord.Interaction[Any]) -> bool:
    """Tell whether the acting member may change the server's settings."""
    member = interaction.user
    if not isinstance(member, discord.Member):
        return False
    return member.guild_permissions.manage_guild or _has_role(
        interaction.client.policy, member, "manager_roles"
    )


def _has_role(policy: PolicyService, member: discord.Member, setting: str) -> bool:
    roles = policy.server(member.guild.id).ids(setting)
    return not roles.isdisjoint(role.id for role in member.roles)


def moderates_channel(interaction: discord.Interaction[Any]) -> bool:
    """Tell whether the acting member may manage messages in the channel, or moderates the whole server."""
    if interaction.guild_id is None:
        return False
    return interaction.permissions.manage_messages or moderates_server(interaction)
