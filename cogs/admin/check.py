"""/setup check: the permissions that the bot has and needs in a channel."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import PERMISSIONS, Antiphon
from bot.errors import UserError
from cogs.ui.answers import think
from cogs.ui.permissions import manages_server

USES = {
    "read_messages": ("View Channel", "see the channel"),
    "send_messages": ("Send Messages", "post clips that are ready late"),
    "send_messages_in_threads": ("Send Messages in Threads", "post them in threads"),
    "embed_links": ("Embed Links", "show a clip's card"),
    "attach_files": ("Attach Files", "attach the MP3"),
    "read_message_history": (
        "Read Message History",
        "find my own message again, so that no clip is posted twice",
    ),
}
"""Each permission that the bot asks for: discord.py's name → Discord's own, and what it is for."""


@app_commands.guild_only()
@app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
@app_commands.allowed_installs(guilds=True, users=False)
class Setup(commands.GroupCog, group_name="setup", group_description="Check the bot's setup in this channel"):
    """The check."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot

    @app_commands.command(description="Show which permissions the bot is missing in this channel")
    async def check(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Compare what the bot has with what it needs."""
        await think(interaction, private=True)
        if not manages_server(interaction):
            raise UserError("You need the permission Manage Server to check the bot's permissions.")
        text = report(interaction.app_permissions, interaction.channel_id or 0)
        await interaction.followup.send(text, ephemeral=True)


def report(granted: discord.Permissions, channel_id: int) -> str:
    """Return what is there, what is missing and what for, and where to change it."""
    lines = [f"My permissions in <#{channel_id}>:"]
    missing = 0
    for name in (name for name, asked in PERMISSIONS if asked):
        title, use = USES[name]
        has = getattr(granted, name)
        missing += not has
        lines.append(f"{'✅' if has else '❌'} **{title}**: {use}")
    lines.append(
        "I have every permission that I need."
        if not missing
        else "Change them under *Edit Channel → Permissions*, for my role. Without them duels cannot be "
        "posted, and clips that take longer than 15 minutes only stay in `/history`."
    )
    return "\n".join(lines)


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Setup(bot))
