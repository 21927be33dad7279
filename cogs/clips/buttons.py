"""The buttons under clips and under jobs that are not done."""

from __future__ import annotations

from io import BytesIO

import discord

from bot.app import Antiphon
from bot.duels.service import Contender
from bot.errors import UserError
from bot.locale import tr
from bot.recipe.build import in_other_mode
from bot.recipe_files import recipe_file
from bot.store.clips import Clip
from bot.store.deletions import Press
from cogs.clips.card import details
from cogs.clips.files import file_buttons
from cogs.submission.submit import acknowledge_request, start_duel, submit
from cogs.ui.answers import defer_update, think
from cogs.ui.buttons import CLIP_DETAILS, IdButton, in_rows
from cogs.ui.gate import limits_of
from cogs.ui.permissions import moderates_channel
from cogs.ui.text import in_a_line


class AgainButton(IdButton, prefix="clip:again"):
    """The same recipe with a new seed."""

    label = "Again"
    style = discord.ButtonStyle.primary
    emoji = "🔁"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Queue it for the member who pressed."""
        await acknowledge_request(interaction)
        clip = await interaction.client.history.clip(self.number)
        await submit(interaction, clip.recipe.reseeded(), clip.preset_version, parent=clip.id)


class OtherModeButton(IdButton, prefix="clip:other"):
    """The same prompt, length and seed in the other mode; its label names that: “Try diffusion”."""

    label = "Try the other mode"
    emoji = "🔀"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Queue it for the member who pressed."""
        await acknowledge_request(interaction)
        clip = await interaction.client.history.clip(self.number)
        engine = interaction.client.jobs.engine(clip.recipe.mode.other)
        recipe = in_other_mode(clip.recipe, engine, limits_of(interaction))
        await submit(interaction, recipe, parent=clip.id)


class DuelButton(IdButton, prefix="clip:duel"):
    """The same prompt and length by this model and one of the other mode, to be voted on blind."""

    label = "Duel"
    emoji = "⚔️"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Start it for the member who pressed."""
        await acknowledge_request(interaction, clips=2)
        recipe = (await interaction.client.history.clip(self.number)).recipe
        duels = interaction.client.duels
        # The clip's own model is one side.
        made_by = Contender(interaction.client.jobs.models[interaction.client.jobs.adopt(recipe).model_ref])
        pair = duels.recipes(recipe.prompt, recipe.seconds, limits_of(interaction), made_by)
        await start_duel(interaction, recipe.prompt, pair)


class DetailsButton(IdButton, prefix=CLIP_DETAILS):
    """The whole recipe and the measurements, in a private answer."""

    label = "Details"
    emoji = "📄"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show them."""
        await think(interaction, private=True)
        clip = await interaction.client.history.clip(self.number)
        file = discord.File(BytesIO(recipe_file(clip.recipe)), filename=f"clip-{clip.id}-recipe.json")
        view = file_buttons(interaction.client, clip)
        await interaction.followup.send(
            embed=details(clip), file=file, view=view or discord.utils.MISSING, ephemeral=True
        )


class DeleteButton(IdButton, prefix="clip:delete"):
    """Asks whether to delete a clip."""

    label = "Delete"
    emoji = "🗑️"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Ask its owner or a moderator, in private."""
        # Deferred as an update: so the message that this token can delete stays the clip's own.
        await defer_update(interaction)
        clip = await removable(interaction, self.number)
        remember_press(interaction, clip.id)
        await interaction.followup.send(
            tr("Delete this clip? {clip}", clip=in_a_line(clip.recipe)),
            view=in_rows(ReallyDeleteButton(clip.id), KeepButton(clip.id)),
            ephemeral=True,
        )


class ReallyDeleteButton(IdButton, prefix="clip:really-delete"):
    """Deletes a clip: message, files and record."""

    label = "Delete"
    style = discord.ButtonStyle.danger

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Delete it for its owner or a moderator."""
        await defer_update(interaction)
        clip = await removable(interaction, self.number)
        await interaction.client.deletions.confirmed(interaction.user.id, clip.id)
        await interaction.edit_original_response(content=tr("Deleted."), view=None)


class KeepButton(IdButton, prefix="clip:keep"):
    """Takes the question away."""

    label = "Keep"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Leave the clip as it is."""
        await defer_update(interaction)
        await interaction.edit_original_response(content=tr("Kept."), view=None)


class CancelButton(IdButton, prefix="job:cancel"):
    """Cancels a queued or running job."""

    label = "Cancel"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Cancel it for its owner or a moderator; the message follows by itself."""
        await defer_update(interaction)
        job = await interaction.client.history.job(self.number)
        if job.user_id != interaction.user.id and not moderates_channel(interaction):
            raise UserError("Only the person who asked for a clip, or a moderator, can cancel it.")
        await interaction.client.jobs.cancel(job.id)


BUTTONS = (
    AgainButton,
    OtherModeButton,
    DuelButton,
    DetailsButton,
    DeleteButton,
    ReallyDeleteButton,
    KeepButton,
    CancelButton,
)


def job_buttons(job_id: int) -> discord.ui.View:
    """Return the buttons under a job that is not done."""
    return in_rows(CancelButton(job_id))


def remember_press(interaction: discord.Interaction[Antiphon], *clip_ids: int) -> None:
    """Remember a press under the message of clips, whose token can delete or change it later.

    A private answer about a clip has its buttons too, and no file: that answer is not what is to be deleted.
    """
    if interaction.message is None or not interaction.message.attachments:
        return
    press = Press(
        guild_id=interaction.guild_id,
        channel_id=interaction.message.channel.id,
        message_id=interaction.message.id,
        application_id=interaction.application_id,
        interaction_token=interaction.token,
    )
    for clip_id in clip_ids:
        interaction.client.deletions.asked(interaction.user.id, clip_id, press)


def can_remove(interaction: discord.Interaction[Antiphon], clip: Clip) -> bool:
    """Tell whether the acting member requested a clip, or moderates the channel that it is in."""
    moderated = clip.guild_id == interaction.guild_id and moderates_channel(interaction)
    return clip.user_id == interaction.user.id or moderated


async def removable(interaction: discord.Interaction[Antiphon], clip_id: int) -> Clip:
    """Return a clip that the acting member may delete. Raises UserError."""
    clip = await interaction.client.history.clip(clip_id)
    if not can_remove(interaction, clip):
        raise UserError("Only the person who asked for a clip, or a moderator, can delete it.")
    return clip
