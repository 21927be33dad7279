"""The gate before every command, menu and autocomplete. Buttons, selects and forms pass it in cogs/ui/."""

from __future__ import annotations

from typing import cast

import discord
from discord.ext import commands

from bot.app import Antiphon, GatedTree
from bot.errors import NotAllowed
from cogs.ui.answers import answer_error
from cogs.ui.forms import handle_submission
from cogs.ui.gate import check
from cogs.ui.persistent_cog import PersistentCog


class Gate(commands.Cog):
    """Opens the tree's gate for whoever passes the policy."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        """Set the gate, which is closed before."""
        cast(GatedTree, self.bot.tree).gate = self._passes

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Pass a submission to its form. One listener for all cogs: each is a task an interaction."""
        cogs = self.bot.cogs.values()
        await handle_submission(
            interaction, (form for cog in cogs if isinstance(cog, PersistentCog) for form in cog.forms)
        )

    async def _passes(self, interaction: discord.Interaction[Antiphon]) -> bool:
        self.bot.unacknowledged.add(interaction.id)
        try:
            check(interaction)
        except NotAllowed as refusal:
            if interaction.type is discord.InteractionType.autocomplete:
                # A suggestion cannot be refused in words; the command itself is.
                await interaction.response.autocomplete([])
            else:
                await answer_error(interaction, refusal, "the gate")
            return False
        return True


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Gate(bot))
