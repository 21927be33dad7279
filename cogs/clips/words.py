"""From words alone to a queued clip: everything else is as the channel, the server and the owner have it."""

from __future__ import annotations

import discord

from bot.app import Antiphon
from bot.recipe import random_seed
from bot.recipe.build import build_recipe
from cogs.presets.lookup import channel_preset
from cogs.presets.submit import use
from cogs.submission.auto import candidates, submit_chosen
from cogs.submission.submit import acknowledge_request, submit
from cogs.ui.gate import limits_of


async def submit_words(interaction: discord.Interaction[Antiphon], words: str) -> None:
    """Acknowledge and queue a clip of the acting member, as /music does with a prompt alone."""
    bot, limits = interaction.client, limits_of(interaction)
    if preset := await channel_preset(interaction, limits):
        await acknowledge_request(interaction)
        await use(interaction, preset, words)
        return
    if limits.auto:
        seed = random_seed()
        recipes = candidates(
            interaction, lambda engine: build_recipe(engine, limits, prompt=words, seed=seed)
        )
        await acknowledge_request(interaction)
        await submit_chosen(interaction, recipes)
        return
    engine = bot.models.chosen(None, None, limits.default_mode, limits.models)
    recipe = build_recipe(engine, limits, prompt=words)
    await acknowledge_request(interaction)
    await submit(interaction, recipe)
