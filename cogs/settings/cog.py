"""/settings, for those who manage the server."""

from __future__ import annotations

import discord
from discord import app_commands

from bot.app import Antiphon
from bot.policy.setting import Panel
from cogs.settings.panel import ITEMS, SettingForm, managed_guild, page
from cogs.ui.persistent_cog import PersistentCog


class Settings(PersistentCog):
    """The command, its controls and its form."""

    items = ITEMS
    forms = (SettingForm,)

    @app_commands.command(description="Set who may use the bot in this server, where, and how much")
    @app_commands.guild_only()
    @app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
    @app_commands.allowed_installs(guilds=True, users=False)
    async def settings(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show the first page, to the acting member alone."""
        managed_guild(interaction)
        view = page(interaction, Panel.ACCESS, channel_of(interaction))
        await interaction.response.send_message(view=view, ephemeral=True)


def channel_of(interaction: discord.Interaction[Antiphon]) -> int:
    """Return the channel that settings of a channel are about: a thread's are its channel's."""
    return getattr(interaction.channel, "parent_id", None) or interaction.channel_id or 0


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Settings(bot))
