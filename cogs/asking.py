"""From an interaction to a queued job."""

from __future__ import annotations

from datetime import timedelta

import discord

from bot.app import PERMISSIONS, Antiphon
from bot.recipe import Recipe
from bot.store.jobs import Job, Request

TOKEN_LIFETIME = timedelta(minutes=15)
"""How long an interaction can be answered, from its creation (Discord's documentation)."""


async def submit(
    interaction: discord.Interaction[Antiphon], recipe: Recipe, preset_version: int | None = None
) -> Job:
    """Queue a recipe for whoever acted; the deferred answer becomes its progress, then its clip.

    preset_version: what the clip remembers, where the recipe came from a preset.
    """
    return await interaction.client.service.submit(
        Request(
            recipe=recipe,
            user_id=interaction.user.id,
            guild_id=interaction.guild_id,
            channel_id=interaction.channel_id or 0,
            application_id=interaction.application_id,
            interaction_token=interaction.token,
            token_expires_at=(interaction.created_at + TOKEN_LIFETIME).timestamp(),
            can_post=can_post(interaction),
            max_bytes=max_bytes(interaction),
            preset_version=preset_version,
        )
    )


def can_post(interaction: discord.Interaction[Antiphon]) -> bool:
    """Tell whether the bot may post here once the interaction's token is dead."""
    if interaction.guild_id is None or not interaction.is_guild_integration():
        return False
    needed = discord.Permissions(PERMISSIONS.value)
    if isinstance(interaction.channel, discord.Thread):
        needed.send_messages = False
    else:
        needed.send_messages_in_threads = False
    return needed.is_subset(interaction.app_permissions)


def max_bytes(interaction: discord.Interaction[Antiphon]) -> int:
    """Return what a clip may weigh: the member's limit here, or the server's where that is smaller.

    The member's own may be larger than what the bot can post later without the interaction.
    """
    if interaction.guild is not None and can_post(interaction):
        return min(interaction.filesize_limit, interaction.guild.filesize_limit)
    return interaction.filesize_limit
