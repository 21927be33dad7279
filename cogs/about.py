"""/about and /help: a description of the bot and its models, and of the commands."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import Antiphon
from bot.hub.naming import model_name
from bot.recipe.capabilities import Capabilities
from cogs.ui.embeds import Field, build_embed

HELP = (
    "**/music** makes a clip from your words: try `/music prompt:slow piano in the rain`.\n"
    "`mode` chooses how: **ar** writes the music note after note, **diffusion** carves it out of noise. "
    "Under each clip, **Again** makes another take and **Try diffusion** or **Try ar** lets you compare.\n"
    "**/duel start** makes one clip each way and has everybody vote blind, **/leaderboard** adds the votes "
    "up, **/duel close** ends one, **/privacy** is about your votes.\n"
    "**/coach** says how your words could do more. **/preset** keeps what worked, shares it with others, and "
    "makes clips from theirs: `/preset browse` to begin with.\n"
    "**/queue** says when yours is ready, **/cancel** takes it back, **/history** finds your clips again, "
    "sends them once more or deletes them.\n"
    "Moderators find reports, bans and the audit log under **/moderate**.\n"
    "**/about** says which models run here and what their licences allow."
)


MAX_MODELS = 20
"""As many as fit into an embed."""


class About(commands.Cog):
    """Commands whose answers depend on the configuration alone."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot

    @app_commands.command(description="Say which models run here and what their licences allow")
    async def about(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Describe the engines."""
        engines = list(self.bot.models.values())[:MAX_MODELS]
        none = Field("No model is installed", "The owner sees why with `antiphon doctor`.")
        embed = build_embed(
            title="Antiphon",
            description="I make music in two ways, so that you can hear which one serves your words.",
            fields=[Field(f"Mode {one.mode}", _described(one), inline=False) for one in engines] or [none],
        )
        await interaction.response.send_message(embed=embed, ephemeral=True)

    @app_commands.command(description="Say how to ask for music")
    async def help(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Explain the commands in a few lines."""
        await interaction.response.send_message(HELP, ephemeral=True)


def _described(engine: Capabilities) -> str:
    channels = "stereo" if engine.channels == 2 else "mono"
    return (
        f"{engine.title} (`{model_name(engine.model)}`)\nLicence: {engine.licence}\n"
        f"{engine.min_seconds:g} to {engine.max_seconds:g} s, {engine.sample_rate / 1000:g} kHz {channels}"
    )


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(About(bot))
