"""/about and /help: a description of the bot and its models, and of the commands."""

from __future__ import annotations

import re

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import Antiphon
from bot.hub.naming import model_name
from bot.locale import mark, tr
from bot.recipe import Mode
from bot.recipe.capabilities import Capabilities
from bot.recipe.tasks import described
from cogs.clips.begin import begin_buttons
from cogs.ui.commands import command
from cogs.ui.embeds import Field, build_embed
from cogs.ui.permissions import moderates_server

HELP = {
    mark("Clips"): mark(
        "{music} makes a clip from your words. You can also mention me, or send me a direct message.\n"
        "{history} searches your clips and this server's, sends them again, and deletes yours.\n"
        "{queue} shows when yours is ready, {cancel} takes it back. {clip} goes on with a file that I made."
    ),
    mark("Two modes"): mark(
        "{modes}\n**More** under each clip has **Try diffusion** or **Try ar**, to compare."
    ),
    mark("Duels"): mark(
        "{duel_start} has two models make a clip, and everyone votes without knowing which is which.\n"
        "{leaderboard} adds up the votes. {duel_series} finds the best of several models."
    ),
    mark("Your data"): mark(
        "{privacy_show} says what I keep about you, {privacy_export} gives you a copy, and "
        "{privacy_erase} erases it."
    ),
    mark("Presets"): mark(
        "{preset_browse} shows presets to make clips with, {preset_save} keeps what worked for you."
    ),
    mark("Better prompts"): mark("{coach} suggests how your prompt could say more."),
    mark("Models"): mark("{about} lists the models that run here, and their licences."),
}
MODERATION = mark(
    "{moderate_clips} has the reported clips, {moderate_bans} who is banned, {moderate_audit} who did what."
)
"""The fields of /help. Commands in braces, with _ for a space, are shown as Discord's own, which one press
types."""


def help_fields(bot: Antiphon, *, moderates: bool) -> list[Field]:
    """Return what a member can do, in a few lines. moderates: whether they moderate the server."""
    groups = HELP | ({mark("Moderation"): MODERATION} if moderates else {})
    modes = "\n".join(described(mode) for mode in Mode)
    fields = []
    for name, text in groups.items():
        found = re.findall(r"\{([a-z_]+)\}", text)
        mentions = {one: command(bot, one.replace("_", " ")) for one in found}
        fields.append(Field(tr(name), tr(text, **(mentions | {"modes": modes})), inline=False))
    return fields


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
        none = Field(tr("No model is installed"), tr("The owner of the bot sees why with `antiphon doctor`."))
        embed = build_embed(
            title="Antiphon",
            description=tr("I make music in two modes, so that you can hear which one you like better."),
            fields=[Field(described(one.mode), _described(one), inline=False) for one in engines] or [none],
        )
        await interaction.response.send_message(embed=embed, ephemeral=True)

    @app_commands.command(description="How to make music with me, and every command")
    async def help(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show the commands, and buttons for the first steps."""
        embed = build_embed(
            title=tr("How to make music with me"),
            description=tr("Say what you want to hear, for example “slow piano in the rain”."),
            fields=help_fields(self.bot, moderates=moderates_server(interaction)),
        )
        buttons = begin_buttons(can_duel=interaction.guild_id is not None)
        await interaction.response.send_message(embed=embed, view=buttons, ephemeral=True)


def _described(engine: Capabilities) -> str:
    lengths = tr("{low:g} to {high:g} s", low=engine.min_seconds, high=engine.max_seconds)
    channels = tr("stereo") if engine.channels == 2 else tr("mono")
    return (
        f"{engine.title} (`{model_name(engine.model)}`)\n{tr('Licence')}: {engine.licence}\n"
        f"{lengths}, {engine.sample_rate / 1000:g} kHz {channels}"
    )


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(About(bot))
