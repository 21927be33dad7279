"""From a preset to a queued job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord

from bot.app import Antiphon
from bot.presets.use import recipe_from
from bot.recipe import AUTO, random_seed
from bot.store.presets.model import Preset
from cogs.submission.auto import candidates, submit_chosen
from cogs.submission.references import Reference, check_references, sources_of
from cogs.submission.submit import submit
from cogs.ui.gate import limits_of


async def use(
    interaction: discord.Interaction[Antiphon],
    preset: Preset,
    words: str,
    mode: str | None = None,
    references: Sequence[Reference] = (),
    *,
    model: str | None = None,
    takes: int = 1,
    **given: Any,
) -> None:
    """Queue a preset with the acting member's words.

    references: files that the clip is made from.  mode, model: in place of the preset's; mode may be AUTO.
    takes: how many clips.  given: seconds, seed and options as of recipe_from; they win over the
    preset's.
    """
    bot = interaction.client
    body, limits = preset.body, limits_of(interaction)
    given |= sources_of(references)
    if mode == AUTO:
        given["seed"] = random_seed() if given.get("seed") is None else given["seed"]
        recipes = candidates(
            interaction, lambda engine: recipe_from(body, words, engine, limits, **given), references
        )
        await submit_chosen(interaction, recipes, references, preset.version_id, takes)
        return
    engine, why = bot.models.of_preset(body.mode, body.model, mode, model)
    check_references(references, engine)
    recipe = recipe_from(body, words, engine, limits, **given)
    await submit(interaction, recipe, preset.version_id, references, chosen=why, takes=takes)
