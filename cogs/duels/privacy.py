"""/privacy: a member's stored votes, consent to their export for research, and their deletion."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import Antiphon
from bot.arena.text import count
from bot.errors import UserError
from cogs.ui.answers import think
from cogs.ui.buttons import IdButton, in_rows
from cogs.ui.persistent_cog import PersistentCog

KEPT = (
    "Of each duel you vote on I keep your choice, when you made it, and what you say under “Why?”. "
    "No one else is shown your vote."
)
SHARED = (
    "You agreed that your votes, and the prompts of duels you start, may be given to researchers, without "
    "your name or id. `/privacy share allow:False` takes that back for everything handed out from then on."
)
NOT_SHARED = (
    "They are not given to researchers. If you want to help them, `/privacy share allow:True` says yes: your "
    "votes, and the prompts of duels you start, are then exported without your name or id."
)


class ForgetButton(IdButton, prefix="privacy:forget"):
    """Deletes the votes of the person whose id is in its custom_id."""

    label = "Delete my votes"
    style = discord.ButtonStyle.danger

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Delete them; refused to anybody else."""
        await think(interaction, private=True)
        if interaction.user.id != self.number:
            raise UserError("These are not your votes. /privacy forget deletes yours.")
        deleted = await interaction.client.votes.delete_of(self.number)
        await interaction.followup.send(f"Deleted: {count(deleted, 'vote')}.", ephemeral=True)


class Privacy(
    PersistentCog, commands.GroupCog, group_name="privacy", group_description="What is kept of your votes"
):
    """The commands about a person's own votes."""

    items = (ForgetButton,)

    @app_commands.command(description="Say what is kept of your votes")
    async def show(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Answer in private."""
        await think(interaction, private=True)
        votes = self.bot.votes
        shared = await votes.has_consented(interaction.user.id)
        kept = await votes.count_of(interaction.user.id)
        await interaction.followup.send(
            f"{KEPT} At present: {count(kept, 'vote')}.\n{SHARED if shared else NOT_SHARED}\n"
            "`/privacy forget` deletes them.",
            ephemeral=True,
        )

    @app_commands.command(description="Say whether researchers may have your votes, without your name or id")
    @app_commands.describe(allow="True to allow it, False to take that back")
    async def share(self, interaction: discord.Interaction[Antiphon], allow: bool) -> None:
        """Record the consent or its withdrawal."""
        await think(interaction, private=True)
        await self.bot.votes.set_consent(interaction.user.id, consents=allow)
        await interaction.followup.send(SHARED if allow else NOT_SHARED, ephemeral=True)

    @app_commands.command(description="Delete your votes and what you said about them")
    async def forget(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Ask for confirmation by a button."""
        await think(interaction, private=True)
        kept = await self.bot.votes.count_of(interaction.user.id)
        await interaction.followup.send(
            f"{count(kept, 'vote')} and your consent to share them would be deleted, for good.",
            view=in_rows(ForgetButton(interaction.user.id)),
            ephemeral=True,
        )


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Privacy(bot))
