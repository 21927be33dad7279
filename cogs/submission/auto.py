"""Requests whose model is left to the votes, by `mode:auto` or by the settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import discord

from bot.app import Antiphon
from bot.errors import InvalidRecipe, NotAllowed, UserError
from bot.policy.limits import refused_recipe
from bot.recipe import Recipe
from bot.recipe.capabilities import Capabilities
from cogs.submission.references import Reference, check_references
from cogs.submission.submit import submit
from cogs.ui.gate import limits_of


def candidates(
    interaction: discord.Interaction[Antiphon],
    build: Callable[[Capabilities], Recipe],
    references: Sequence[Reference] = (),
) -> list[Recipe]:
    """Return a recipe for each model that the server allows and that takes what was asked for.

    build: from a model to the recipe, of one seed for all; raises InvalidRecipe for what it doesn't take.
    Raises UserError, the first model's refusal, where none is left.
    """
    bot = interaction.client
    server = bot.policy.server(interaction.guild_id)
    found: list[Recipe] = []
    refused: UserError | None = None
    for engine in bot.models.values():
        try:
            check_references(references, engine)
            recipe = build(engine)
        except InvalidRecipe as refusal:
            refused = refused or refusal
            continue
        if (switched_off := refused_recipe(recipe, server)) is not None:
            refused = refused or NotAllowed(str(switched_off))
        else:
            found.append(recipe)
    if not found:
        # Where no model is installed, this says so.
        bot.models.chosen(None, None, limits_of(interaction).default_mode)
        raise refused or InvalidRecipe("No model takes this.")
    return found


async def submit_chosen(
    interaction: discord.Interaction[Antiphon],
    recipes: Sequence[Recipe],
    references: Sequence[Reference] = (),
    preset_version: int | None = None,
    takes: int = 1,
) -> None:
    """Queue the recipe that is drawn by the votes, for an acknowledged interaction. takes: how many clips."""
    default_mode = limits_of(interaction).default_mode
    recipe, reason = await interaction.client.auto.choose(recipes, interaction.guild_id, default_mode)
    await submit(interaction, recipe, preset_version, references, chosen=reason, takes=takes)
