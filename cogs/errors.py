"""The answer to a command that failed."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import Antiphon
from bot.errors import UserError
from cogs.ui.answers import answer_error

CHANGED = "This command has changed. Reload Discord (Ctrl+R, or close and open the app), then try again."
"""For clients that still show a command as it was before the bot's last start."""


class Errors(commands.Cog):
    """Answers in place of the command that raised."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        """Take over from discord.py, which would only log."""
        self.bot.tree.error(self.on_error)

    async def on_error(
        self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError
    ) -> None:
        """Answer an error of any command."""
        name = interaction.command.qualified_name if interaction.command else "an unknown command"
        stale = isinstance(error, (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch))
        await answer_error(interaction, UserError(CHANGED) if stale else error, f"/{name}")


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Errors(bot))
