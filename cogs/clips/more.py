"""The one row of buttons under every clip, and what its last one, *More*, opens in private.

On a phone every further row pushes the player out of sight, so what is used less stands behind More.
"""

from __future__ import annotations

from collections.abc import Set

import discord

from bot.app import Antiphon
from bot.locale import tr
from bot.recipe import Task
from bot.store.clips import Clip
from cogs.clips.buttons import (
    AgainButton,
    DeleteButton,
    DetailsButton,
    DuelButton,
    OtherModeButton,
    can_remove,
    remember_press,
)
from cogs.clips.family import FamilyButton
from cogs.clips.gestures import (
    HybridButton,
    LongerButton,
    RemixButton,
    RepaintButton,
    VaryButton,
    tasks_for,
)
from cogs.coach import CoachOfClipButton
from cogs.presets.buttons import PresetOfClipButton
from cogs.presets.save_forms import SaveForm
from cogs.submission.submit import can_post
from cogs.ui.answers import defer_update
from cogs.ui.buttons import CLIP_MORE, IdButton, as_rows
from cogs.ui.text import in_a_line


class SavePresetButton(IdButton, prefix="clip:save"):
    """Opens the form for a new preset, filled in from a clip."""

    label = "Save as preset"
    emoji = "💾"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Open the form."""
        clip = await interaction.client.history.clip(self.number)
        await SaveForm(clip.id).offer(interaction, clip)


class MoreButton(IdButton, prefix=CLIP_MORE):
    """What else can be done with a clip."""

    label = "More"
    emoji = "➕"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show it in private."""
        # Deferred as an update: so the message that this token can delete is the clip's own.
        await defer_update(interaction)
        clip = await interaction.client.history.clip(self.number)
        remember_press(interaction, clip.id)
        await interaction.followup.send(
            in_a_line(clip.recipe), view=more_view(interaction, clip), ephemeral=True
        )


ITEMS = (SavePresetButton, FamilyButton, MoreButton)


def clip_buttons(bot: Antiphon, clip: Clip, *more: IdButton) -> discord.ui.View:
    """Return the row of buttons under a clip, with `more` in a row below."""
    tasks = _tasks(bot, clip)
    new: list[IdButton] = [AgainButton(clip.id)]
    if Task.VARY in tasks:
        new.append(VaryButton(clip.id))
    if Task.CONTINUE in tasks:
        new.append(LongerButton(clip.id))
    if _has_place_for_other_mode(tasks):
        new.append(_other_mode(clip))
    return as_rows([*new, RemixButton(clip.id), MoreButton(clip.id)], more)


def more_view(interaction: discord.Interaction[Antiphon], clip: Clip) -> discord.ui.View:
    """Return what the acting member can do with a clip beside its row of buttons."""
    bot = interaction.client
    tasks = _tasks(bot, clip)
    new: list[IdButton] = [] if _has_place_for_other_mode(tasks) else [_other_mode(clip)]
    # Where the bot cannot post by itself, as in private channels, no duel can be shown.
    if interaction.guild_id is not None and can_post(interaction):
        new.append(DuelButton(clip.id))
    if Task.HYBRID in tasks:
        new.append(HybridButton(clip.id))
    if Task.REPAINT in tasks:
        new.append(RepaintButton(clip.id))
    known: list[IdButton] = [DetailsButton(clip.id), FamilyButton(clip.id)]
    if clip.preset_version:
        known.append(PresetOfClipButton(clip.id))
    known.append(SavePresetButton(clip.id))
    if bot.policy.server(interaction.guild_id).is_on("coach"):
        known.append(CoachOfClipButton(clip.id))
    delete = [DeleteButton(clip.id)] if can_remove(interaction, clip) else []
    return as_rows(new, known, delete)


def _tasks(bot: Antiphon, clip: Clip) -> Set[Task]:
    """Return the tasks that can be done here with a clip; without its audio there are none."""
    return tasks_for(bot, clip.recipe) if clip.file else frozenset()


def _has_place_for_other_mode(tasks: Set[Task]) -> bool:
    """Tell whether the row under a clip has room for the other mode, given what its model can do."""
    return not tasks & {Task.VARY, Task.CONTINUE}


def _other_mode(clip: Clip) -> OtherModeButton:
    return OtherModeButton(clip.id, tr("Try {mode}", mode=clip.recipe.mode.other))
