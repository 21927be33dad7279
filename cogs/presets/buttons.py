"""The buttons under a preset's card, and the one that leads from a clip to its preset."""

from __future__ import annotations

import discord

from bot.app import Antiphon
from bot.errors import NotFound
from bot.store.presets.model import BOT, Preset
from cogs.presets.card import VERSIONS_SHOWN, example, preset_card, shown_name
from cogs.presets.forms import ReportForm, UseForm
from cogs.presets.lookup import viewer
from cogs.ui.answers import defer_update, think
from cogs.ui.buttons import IdButton, in_rows


class UseButton(IdButton, prefix="preset:use"):
    """A clip with this preset."""

    label = "Use"
    style = discord.ButtonStyle.primary
    emoji = "🎵"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Ask for the words."""
        await UseForm(self.number).offer(interaction)


class ForkButton(IdButton, prefix="preset:fork"):
    """An own copy."""

    label = "Fork"
    emoji = "🍴"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Make it for the member who pressed."""
        await think(interaction, private=True)
        await fork(interaction, self.number)


class UpButton(IdButton, prefix="preset:up"):
    """A thumb up."""

    label = "Good"
    emoji = "👍"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Record it."""
        await think(interaction, private=True)
        await rate(interaction, self.number, up=True)


class DownButton(IdButton, prefix="preset:down"):
    """A thumb down."""

    label = "Not so good"
    emoji = "👎"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Record it."""
        await think(interaction, private=True)
        await rate(interaction, self.number, up=False)


class ReportButton(IdButton, prefix="preset:report"):
    """A word to the moderators."""

    label = "Report"
    emoji = "🚩"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Ask for the reason."""
        await ReportForm(self.number).offer(interaction)


class ShowButton(IdButton, prefix="preset:show"):
    """The whole card, in a private answer."""

    label = "Show"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show it."""
        await think(interaction, private=True)
        await show(interaction, await interaction.client.presets.get(self.number, viewer(interaction)))


class PresetOfClipButton(IdButton, prefix="clip:preset"):
    """The preset that a clip was made with, in the version it remembers."""

    label = "Preset"
    emoji = "🎛️"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show it."""
        await think(interaction, private=True)
        clip = await interaction.client.history.clip(self.number)
        if clip.preset_version is None:
            raise NotFound("The preset of this clip is gone.")
        preset = await interaction.client.presets.of_version(clip.preset_version, viewer(interaction))
        await show(interaction, preset)


class ReallyDeleteButton(IdButton, prefix="preset:delete"):
    """The confirmation before a preset is deleted."""

    label = "Delete it"
    style = discord.ButtonStyle.danger
    emoji = "🗑️"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Delete it."""
        await defer_update(interaction)
        gone = await interaction.client.presets.delete(interaction.user.id, self.number)
        text = (
            "Deleted."
            if gone
            else "Deleted. What others made from it stays, and remembers where it came from."
        )
        await interaction.edit_original_response(content=text, view=None)


BUTTONS = (
    UseButton,
    ForkButton,
    UpButton,
    DownButton,
    ReportButton,
    ShowButton,
    PresetOfClipButton,
    ReallyDeleteButton,
)


async def show(interaction: discord.Interaction[Antiphon], preset: Preset) -> None:
    """Answer a deferred interaction with a preset's card, in private."""
    versions = await interaction.client.presets.versions(preset.id, viewer(interaction), VERSIONS_SHOWN)
    buttons: list[IdButton] = [UseButton(preset.id), ForkButton(preset.id)]
    buttons += [UpButton(preset.id), DownButton(preset.id)]
    if preset.owner_id not in (interaction.user.id, BOT):
        buttons.append(ReportButton(preset.id))
    await interaction.followup.send(
        embed=preset_card(preset, versions, interaction.user.id),
        files=await example(interaction.client, preset),
        view=in_rows(*buttons),
        ephemeral=True,
    )


async def fork(interaction: discord.Interaction[Antiphon], preset_id: int, name: str | None = None) -> None:
    """Copy a preset for the acting member, and confirm."""
    preset = await interaction.client.presets.fork(viewer(interaction), preset_id, name)
    await interaction.followup.send(
        f"Yours now, as “{shown_name(preset.name)}”. `/preset edit` changes it; the original stays as it is.",
        ephemeral=True,
    )


async def rate(interaction: discord.Interaction[Antiphon], preset_id: int, *, up: bool) -> None:
    """Record a vote of the acting member, and answer with the preset's votes."""
    ups, downs = await interaction.client.presets.rate(viewer(interaction), preset_id, up=up)
    await interaction.followup.send(f"Noted. It stands at 👍 {ups} 👎 {downs}.", ephemeral=True)
