"""The buttons under a preset's card, and the one that leads from a clip to its preset."""

from __future__ import annotations

import discord

from bot.app import Antiphon
from bot.errors import NotFound
from bot.store.presets.model import BOT, Preset, Scope
from cogs.presets.card import VERSIONS_SHOWN, example, preset_card, shown_name
from cogs.presets.forms import ReportPresetForm, UseForm
from cogs.presets.lookup import viewer
from cogs.ui.answers import defer_update, think
from cogs.ui.buttons import IdButton, in_rows
from cogs.ui.commands import command


class UseButton(IdButton, prefix="preset:use"):
    """A clip with this preset."""

    label = "Use"
    style = discord.ButtonStyle.primary

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


class ShareButton(IdButton, prefix="preset:share"):
    """Offers to share an own preset."""

    label = "Share"
    emoji = "📤"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Ask with whom."""
        await think(interaction, private=True)
        preset = await interaction.client.presets.get(self.number, viewer(interaction))
        choices: list[IdButton] = [ShareWithEveryoneButton(preset.id)]
        if interaction.guild_id is not None:
            choices.insert(0, ShareWithServerButton(preset.id))
        text = f"Who may see and use “{shown_name(preset.name)}”?"
        await interaction.followup.send(text, view=in_rows(*choices), ephemeral=True)


class ShareWithServerButton(IdButton, prefix="preset:share-server"):
    """Shares an own preset with the server."""

    label = "This server"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Share it."""
        await defer_update(interaction)
        text = await share(interaction, self.number, Scope.SERVER)
        await interaction.edit_original_response(content=text, view=None)


class ShareWithEveryoneButton(IdButton, prefix="preset:share-all"):
    """Shares an own preset with everyone."""

    label = "Everyone"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Share it."""
        await defer_update(interaction)
        text = await share(interaction, self.number, Scope.PUBLIC)
        await interaction.edit_original_response(content=text, view=None)


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
        await ReportPresetForm(self.number).offer(interaction)


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
    ShareButton,
    ShareWithServerButton,
    ShareWithEveryoneButton,
    ForkButton,
    UpButton,
    DownButton,
    ReportButton,
    ShowButton,
    PresetOfClipButton,
    ReallyDeleteButton,
)


def saved_buttons(preset: Preset) -> discord.ui.View:
    """Return the next steps with an own preset."""
    return in_rows(UseButton(preset.id, "Make a clip"), ShareButton(preset.id))


async def show(interaction: discord.Interaction[Antiphon], preset: Preset) -> None:
    """Answer a deferred interaction with a preset's card, in private."""
    versions = await interaction.client.presets.versions(preset.id, viewer(interaction), VERSIONS_SHOWN)
    buttons: list[IdButton] = [UseButton(preset.id), ForkButton(preset.id)]
    if await interaction.client.presets.may_rate(interaction.user.id, preset.id):
        buttons += [UpButton(preset.id), DownButton(preset.id)]
    if preset.owner_id not in (interaction.user.id, BOT):
        buttons.append(ReportButton(preset.id))
    await interaction.followup.send(
        embed=preset_card(preset, versions, interaction.user.id),
        files=await example(interaction.client, preset),
        view=in_rows(*buttons),
        ephemeral=True,
    )


async def share(interaction: discord.Interaction[Antiphon], preset_id: int, scope: Scope) -> str:
    """Share a preset of the acting member, or with nobody any more, and return what is true from then on."""
    preset = await interaction.client.presets.share(
        interaction.user.id, preset_id, scope, interaction.guild_id
    )
    name = f"“{shown_name(preset.name)}”"
    if scope is Scope.PRIVATE:
        return f"Only you can see {name} now. Copies that others made stay theirs."
    who = "Everyone in this server" if scope is Scope.SERVER else "Everyone"
    code = f" They can type its code, `{preset.code}`, wherever a preset is asked for." if preset.code else ""
    return f"{who} can see and use {name} now.{code}"


async def fork(interaction: discord.Interaction[Antiphon], preset_id: int, name: str | None = None) -> None:
    """Copy a preset for the acting member, and confirm."""
    preset = await interaction.client.presets.fork(viewer(interaction), preset_id, name)
    await interaction.followup.send(
        f"You have your own copy now, “{shown_name(preset.name)}”. Change it with "
        f"{command(interaction.client, 'preset edit')}; the original stays as it is.",
        view=saved_buttons(preset),
        ephemeral=True,
    )


async def rate(interaction: discord.Interaction[Antiphon], preset_id: int, *, up: bool) -> None:
    """Record a vote of the acting member, and answer with the preset's votes."""
    ups, downs = await interaction.client.presets.rate(viewer(interaction), preset_id, up=up)
    await interaction.followup.send(f"Thank you. It now has 👍 {ups} 👎 {downs}.", ephemeral=True)
