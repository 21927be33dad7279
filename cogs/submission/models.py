"""The choice of a model: what autocomplete offers, and what was chosen."""

from __future__ import annotations

import asyncio

import discord
from discord import app_commands

from bot.app import Antiphon
from bot.discord_limits import MAX_CHOICE_CHARACTERS, MAX_CHOICES
from bot.jobs import eta
from bot.locale import tr
from bot.recipe import Mode, ModelRef
from cogs.ui.text import plain


async def suggest_models(
    interaction: discord.Interaction[Antiphon], current: str
) -> list[app_commands.Choice[str]]:
    """Offer the models whose name contains what is typed, of the chosen mode where one is chosen.

    Each says its licence, and how long a clip usually takes on this machine once one was made.
    """
    models, history = interaction.client.models, interaction.client.history
    mode = getattr(interaction.namespace, "mode", None)
    typed = current.strip().casefold()
    offered = [
        model
        for model in models
        if typed in models.label(model).casefold() and (mode not in list(Mode) or model.mode is Mode(mode))
    ][:MAX_CHOICES]
    seconds = await asyncio.gather(*(history.usual_seconds(model.name) for model in offered))
    return [
        app_commands.Choice(
            name=plain(_described(interaction.client, model, usual), MAX_CHOICE_CHARACTERS),
            value=models.label(model),
        )
        for model, usual in zip(offered, seconds, strict=True)
    ]


def _described(bot: Antiphon, model: ModelRef, usual: float | None) -> str:
    speed = tr("no clip made here yet")
    if usual is not None:
        speed = tr("{time} a clip", time=eta.spoken(usual))
    return " · ".join((bot.models.label(model), model.mode, bot.models[model].licence, speed))
