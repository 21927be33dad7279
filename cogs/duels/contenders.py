"""The sides of a duel as they are typed: a model, a mode or a preset."""

from __future__ import annotations

import discord
from discord import app_commands

from bot.app import Antiphon
from bot.discord_limits import MAX_CHOICE_CHARACTERS, MAX_CHOICES
from bot.duels.service import Contender
from bot.recipe import Mode
from bot.recipe.capabilities import Capabilities
from bot.store.presets.model import Viewer
from cogs.submission.models import suggest_models
from cogs.ui.choices import number_in
from cogs.ui.text import one_line, plain

_PRESETS = 10
"""So many of the choices are kept for presets."""


async def contender(interaction: discord.Interaction[Antiphon], text: str | None) -> Contender | None:
    """Return the side that somebody chose or typed; None where it was left out.

    Raises UserError, NotFound among them, where there is no such mode, model or preset.
    """
    if text is None:
        return None
    bot, typed = interaction.client, text.strip()
    if typed.casefold() in list(Mode):
        return _of_model(bot, bot.models.default(Mode(typed.casefold())))
    number = number_in(typed)
    if number is not None:
        viewer = Viewer(interaction.user.id, interaction.guild_id)
        preset = await bot.presets.find(f"#{number}", viewer)
        engine, _ = bot.models.of_preset(preset.body.mode, preset.body.model, None, None)
        return Contender(engine, preset.body, preset.name)
    return _of_model(bot, bot.models.named(typed))


def _of_model(bot: Antiphon, engine: Capabilities) -> Contender:
    return Contender(engine, name=bot.models.label(engine.model_ref))


async def suggest_contenders(
    interaction: discord.Interaction[Antiphon], current: str
) -> list[app_commands.Choice[str]]:
    """Offer the models, then the presets, whose name contains what is typed."""
    models = (await suggest_models(interaction, current))[: MAX_CHOICES - _PRESETS]
    viewer = Viewer(interaction.user.id, interaction.guild_id)
    typed = one_line(current)[:MAX_CHOICE_CHARACTERS]
    presets = await interaction.client.presets.suggest(viewer, typed, MAX_CHOICES - len(models))
    return models + [
        app_commands.Choice(
            name=plain(f"#{one.id} · preset, {one.mode} · {one.name}", MAX_CHOICE_CHARACTERS),
            value=f"#{one.id}",
        )
        for one in presets
    ]
