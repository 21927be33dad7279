"""The forms for using and reporting a preset."""

from __future__ import annotations

from collections.abc import Mapping

import discord

from bot.app import Antiphon
from bot.recipe import PROMPT_CHARACTERS
from cogs.presets.lookup import viewer
from cogs.presets.submit import use
from cogs.submission.submit import acknowledge_request
from cogs.ui.answers import think
from cogs.ui.forms import Field, Form
from cogs.ui.report_form import REPORTED, ReportForm


class UseForm(Form):
    """A member's words for the preset whose number it has."""

    prefix = "preset:words"

    async def offer(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Open it."""
        words = Field(
            id="words",
            label="Your words",
            hint="They go into the preset's prompt. Some presets need none.",
            max_length=PROMPT_CHARACTERS,
            long=True,
        )
        await self.open(interaction, "Use this preset", [words])

    async def submitted(self, interaction: discord.Interaction[Antiphon], typed: Mapping[str, str]) -> None:
        """Queue the clip."""
        await acknowledge_request(interaction)
        preset = await interaction.client.presets.get(self.number, viewer(interaction))
        await use(interaction, preset, typed["words"])


class ReportPresetForm(ReportForm):
    """Why moderators should look at the preset whose number it has."""

    prefix = "preset:why"

    async def submitted(self, interaction: discord.Interaction[Antiphon], typed: Mapping[str, str]) -> None:
        """Put it into the queue."""
        await think(interaction, private=True)
        await report(interaction, self.number, typed["reason"])


async def report(interaction: discord.Interaction[Antiphon], preset_id: int, reason: str) -> None:
    """Put a preset into the moderators' queue, and say so."""
    await interaction.client.preset_moderation.report(viewer(interaction), preset_id, reason)
    await interaction.followup.send(REPORTED, ephemeral=True)


FORMS = (UseForm, ReportPresetForm)
