"""A preset as members name it in a command, and what is offered while they type."""

from __future__ import annotations

import discord
from discord import app_commands

from bot.app import Antiphon
from bot.prompts.names import name_key
from bot.store.preset_model import BOT, Preset, Scope, Viewer
from bot.store.preset_search import Suggestion
from cogs.ui.text import plain

CHOICES = 25
CHOICE_CHARACTERS = 100
TYPED_MOST = 100


def viewer(interaction: discord.Interaction[Antiphon]) -> Viewer:
    """Return who acts, and where."""
    return Viewer(interaction.user.id, interaction.guild_id)


async def named(interaction: discord.Interaction[Antiphon], text: str) -> Preset:
    """Return the preset that was chosen or typed: a choice, a code or a name. Raises NotFound."""
    return await interaction.client.presets.find(text, viewer(interaction))


async def suggest(interaction: discord.Interaction[Antiphon], current: str) -> list[app_commands.Choice[str]]:
    """Offer presets for what was typed so far: own, then this server's, then public ones."""
    found = await _found(interaction, current, CHOICES)
    return [_choice(one, interaction.user.id) for one in found]


async def suggest_own(
    interaction: discord.Interaction[Antiphon], current: str
) -> list[app_commands.Choice[str]]:
    """Offer one's own presets only."""
    found = await _found(interaction, current, CHOICES)
    own = [one for one in found if one.owner_id == interaction.user.id]
    return [_choice(one, interaction.user.id) for one in own]


async def _found(interaction: discord.Interaction[Antiphon], current: str, most: int) -> list[Suggestion]:
    typed = current.strip()[:TYPED_MOST]
    return await interaction.client.preset_search.suggest(viewer(interaction), typed, name_key(typed), most)


def _choice(one: Suggestion, user_id: int) -> app_commands.Choice[str]:
    if one.owner_id == user_id:
        whose = "yours"
    elif one.owner_id == BOT:
        whose = "starter"
    else:
        whose = "this server" if one.scope is Scope.SERVER else "public"
    end = f" · {one.mode} · {whose}"
    return app_commands.Choice(name=plain(one.name, CHOICE_CHARACTERS - len(end)) + end, value=f"#{one.id}")
