"""/about and /help: a description of the bot and its models, and of the commands."""

from __future__ import annotations

import re

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import Antiphon
from bot.hub.naming import model_name
from bot.recipe import Mode
from bot.recipe.capabilities import Capabilities
from bot.recipe.tasks import described
from cogs.clips.begin import begin_buttons
from cogs.ui.commands import command
from cogs.ui.embeds import Field, build_embed
from cogs.ui.permissions import moderates_server

_MODES = "\n".join(described(mode) for mode in Mode)
HELP = {
    "Clips": "{music} makes a clip from your words. You can also mention me, or send me a direct message.\n"
    "{history} searches your clips and this server's, sends them again, and deletes yours.\n"
    "{queue} shows when yours is ready, {cancel} takes it back.",
    "Two modes": f"{_MODES}\n**More** under each clip has **Try diffusion** or **Try ar**, to compare.",
    "Duels": "{duel start} has two models make a clip, and everyone votes without knowing which is which.\n"
    "{leaderboard} adds up the votes. {duel series} finds the best of several models.",
    "Your data": "{privacy show} says what I keep about you, {privacy export} gives you a copy, and "
    "{privacy erase} erases it.",
    "Presets": "{preset browse} shows presets to make clips with, {preset save} keeps what worked for you.",
    "Better prompts": "{coach} suggests how your prompt could say more.",
    "Models": "{about} lists the models that run here, and their licences.",
}
MODERATION = (
    "{moderate clips} has the reported clips, {moderate bans} who is banned, {moderate audit} who did what."
)
"""The fields of /help; commands in braces are shown as Discord's own, which one press types."""


def help_fields(bot: Antiphon, *, moderates: bool) -> list[Field]:
    """Return what a member can do, in a few lines. moderates: whether they moderate the server."""
    groups = HELP | ({"Moderation": MODERATION} if moderates else {})
    return [
        Field(name, re.sub(r"\{([a-z ]+)\}", lambda found: command(bot, found[1]), text), inline=False)
        for name, text in groups.items()
    ]


MAX_MODELS = 20
"""As many as fit into an embed."""


class About(commands.Cog):
    """Commands whose answers depend on the configuration alone."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot

    @app_commands.command(description="The models that run here, and what their licences allow")
    async def about(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Describe the engines."""
        engines = list(self.bot.models.values())[:MAX_MODELS]
        none = Field("No model is installed", "The owner of the bot sees why with `antiphon doctor`.")
        embed = build_embed(
            title="Antiphon",
            description="I make music in two modes, so that you can hear which one you like better.",
            fields=[Field(described(one.mode), _described(one), inline=False) for one in engines] or [none],
        )
        await interaction.response.send_message(embed=embed, ephemeral=True)

    @app_commands.command(description="How to make music with me, and every command")
    async def help(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show the commands, and buttons for the first steps."""
        embed = build_embed(
            title="How to make music with me",
            description="Say what you want to hear, for example “slow piano in the rain”.",
            fields=help_fields(self.bot, moderates=moderates_server(interaction)),
        )
        buttons = begin_buttons(can_duel=interaction.guild_id is not None)
        await interaction.response.send_message(embed=embed, view=buttons, ephemeral=True)


def _described(engine: Capabilities) -> str:
    channels = "stereo" if engine.channels == 2 else "mono"
    return (
        f"{engine.title} (`{model_name(engine.model)}`)\nLicence: {engine.licence}\n"
        f"{engine.min_seconds:g} to {engine.max_seconds:g} s, {engine.sample_rate / 1000:g} kHz {channels}"
    )


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(About(bot))
