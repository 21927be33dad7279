"""From an interaction to a queued job or duel."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import discord

from bot.app import PERMISSIONS, Antiphon
from bot.errors import UserError
from bot.jobs.eta import spoken
from bot.recipe import Recipe
from bot.store.jobs import Job, Request
from cogs.melody import fetch_melody
from cogs.ui.text import quoted

TOKEN_LIFETIME = timedelta(minutes=15)
"""How long an interaction can be answered, from its creation (Discord's documentation)."""


async def submit(
    interaction: discord.Interaction[Antiphon],
    recipe: Recipe,
    preset_version: int | None = None,
    melody: discord.Attachment | None = None,
) -> Job:
    """Queue a recipe for whoever acted; the deferred answer becomes its progress, then its clip.

    preset_version: what the clip remembers, where the recipe came from a preset.
    melody: a file whose tune the clip follows, which passed check_melody.
    """
    service = interaction.client.service
    if melody is None:
        return await service.submit(request_for(interaction, recipe, preset_version))
    async with service.melodies.added(await fetch_melody(melody)) as digest:
        following = replace(recipe, melody=digest)
        return await service.submit(request_for(interaction, following, preset_version))


async def start_duel(interaction: discord.Interaction[Antiphon], prompt: str, seconds: float | None) -> None:
    """Queue both clips of a duel for whoever acted, and say so in the deferred answer.

    Raises UserError where the bot could not post the duel or the values do not fit both models.
    """
    if interaction.guild_id is None or not can_post(interaction):
        raise UserError(
            "A duel needs a channel where others can vote: use a server where I may post messages and files."
        )
    duel = await interaction.client.duels.start(
        prompt, seconds, interaction.guild_id, partial(request_for, interaction)
    )
    places = await interaction.client.service.places()
    left = max((place.seconds for place in places.values()), default=0.0)
    await interaction.edit_original_response(
        content=f"**Duel {duel.id}** {quoted(duel.prompt, 80)} · {duel.seconds:g} s\n"
        f"Both clips are being made, and then shown together here, in {spoken(left)}."
    )


def request_for(
    interaction: discord.Interaction[Antiphon], recipe: Recipe, preset_version: int | None = None
) -> Request:
    """Return the request for a recipe by whoever acted, where they did."""
    return Request(
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
