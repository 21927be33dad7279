"""From a preset to a queued job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord

from bot.app import Antiphon
from bot.presets.use import mode_of, recipe_from
from bot.store.job_model import Job
from bot.store.presets.model import Preset
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
) -> Job:
    """Queue a preset with the acting member's words.

    references: files that the clip is made from.  mode, model: in place of the preset's mode and its default
    model.  takes: how many clips.  given: seconds, seed and options as of recipe_from; they win over the
    preset's.
    """
    bot = interaction.client
    engine = bot.models.chosen(mode if model else mode_of(preset.body, mode), model, preset.body.mode)
    check_references(references, engine)
    given |= sources_of(references)
    recipe = recipe_from(preset.body, words, engine, limits_of(interaction), **given)
    return await submit(interaction, recipe, preset.version_id, references, takes=takes)
