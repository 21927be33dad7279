"""The first steps as buttons: a clip, a duel, the presets, for somebody who knows no command yet."""

from __future__ import annotations

from collections.abc import Mapping

import discord

from bot.app import Antiphon
from bot.recipe import PROMPT_CHARACTERS
from bot.store.presets.search import Filter, Sort
from cogs.clips.words import submit_words
from cogs.presets.browse import page
from cogs.submission.submit import acknowledge_request, start_duel
from cogs.ui.answers import think
from cogs.ui.buttons import IdButton, in_rows
from cogs.ui.forms import Field, Form
from cogs.ui.gate import limits_of

_WORDS = Field(
    id="words",
    label="What do you want to hear?",
    hint="For example: slow piano in the rain",
    max_length=PROMPT_CHARACTERS,
    long=True,
    required=True,
)


class ClipForm(Form):
    """A prompt for a clip, with everything else as by default."""

    prefix = "begin:clip-words"

    async def submitted(self, interaction: discord.Interaction[Antiphon], typed: Mapping[str, str]) -> None:
        """Queue it."""
        await submit_words(interaction, typed["words"])


class DuelForm(Form):
    """A prompt for a duel."""

    prefix = "begin:duel-words"

    async def submitted(self, interaction: discord.Interaction[Antiphon], typed: Mapping[str, str]) -> None:
        """Queue both clips."""
        pair = interaction.client.duels.recipes(typed["words"], None, limits_of(interaction))
        await acknowledge_request(interaction, clips=2)
        await start_duel(interaction, typed["words"], pair)


class MakeClipButton(IdButton, prefix="begin:clip"):
    """Asks for a prompt."""

    label = "Make a clip"
    style = discord.ButtonStyle.primary

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Open the form."""
        await ClipForm(0).open(interaction, "Make a clip", [_WORDS])


class StartDuelButton(IdButton, prefix="begin:duel"):
    """Asks for the prompt of a duel."""

    label = "Start a duel"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Open the form."""
        await DuelForm(0).open(interaction, "Start a duel", [_WORDS])


class BrowsePresetsButton(IdButton, prefix="begin:presets"):
    """Leads to the presets."""

    label = "Browse presets"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show their first page, in private."""
        await think(interaction, private=True)
        embeds, view = await page(interaction, Filter("", None, None, Sort.RATING), 0)
        await interaction.edit_original_response(embeds=embeds, view=view)


BUTTONS = (MakeClipButton, StartDuelButton, BrowsePresetsButton)
FORMS = (ClipForm, DuelForm)


def begin_buttons(*, can_duel: bool = True) -> discord.ui.View:
    """Return the buttons of the first steps. can_duel: False where nobody else could vote."""
    duel = [StartDuelButton(0)] if can_duel else []
    return in_rows(MakeClipButton(0), *duel, BrowsePresetsButton(0))
