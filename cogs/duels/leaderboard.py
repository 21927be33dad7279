"""/leaderboard: the statistics of the votes, as a picture and as text."""

from __future__ import annotations

import io
import logging
from typing import Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import Antiphon
from bot.errors import UserError
from cogs.ui.answers import reply, think
from cogs.ui.discord_errors import NETWORK_ERRORS
from cogs.ui.embeds import build_embed
from cogs.ui.permissions import moderates_server
from cogs.ui.text import one_line, plain, quoted

log = logging.getLogger(__name__)

ALT_CHARACTERS = 1_024
"""Discord's limit for the description of an attachment."""
LINE_CHARACTERS = 400

Where = Literal["this server", "everywhere"]
By = Literal["ranking", "tag", "models", "who asked", "length"]
Models = Literal["built-in models", "other models"]


class Leaderboard(commands.Cog):
    """The command. The fit and the picture are computed in another process."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot

    @app_commands.command(description="Which mode wins the blind votes, and how sure that is")
    @app_commands.describe(
        where="Whose votes: this server's or everyone's",
        by="The models by strength, or how to split the votes up",
        models="Votes on the built-in models or on others; they are never mixed",
    )
    async def leaderboard(
        self,
        interaction: discord.Interaction[Antiphon],
        where: Where = "this server",
        by: By | None = None,
        models: Models | None = None,
    ) -> None:
        """Show the leaderboard; moderators also get the number of excluded votes, in private."""
        guild = interaction.guild
        if where == "this server" and (guild is None or not interaction.is_guild_integration()):
            raise UserError(
                "I'm not in this server, so it has no votes of its own. Use `where:everywhere` to see "
                "everyone's."
            )
        await think(interaction)
        built_in = self.bot.duels.built_in if models is None else models == "built-in models"
        title = "Everywhere"
        if guild is not None and where == "this server":
            title = one_line(guild.name) or "This server"
        board = await self.bot.leaderboards.draw(
            guild_id=guild.id if guild is not None and where == "this server" else None,
            title=f"{title}, {'built-in' if built_in else 'other'} models",
            group=by,
            built_in=built_in,
            now=self.bot.clock(),
        )
        embed = build_embed(
            description=[quoted(line, LINE_CHARACTERS) for line in board.beside.splitlines()],
            image="attachment://leaderboard.png",
        )
        picture = discord.File(
            io.BytesIO(board.picture),
            "leaderboard.png",
            description=plain(board.text.replace("\n", ". "), ALT_CHARACTERS),
        )
        await reply(interaction, embed=embed, attachments=[picture])
        if board.exclusions and where == "this server" and moderates_server(interaction):
            try:
                await interaction.followup.send(board.exclusions, ephemeral=True)
            except (discord.HTTPException, *NETWORK_ERRORS) as error:
                # The picture is there: a refusal would be said in its place.
                log.warning("the counts of excluded votes were not shown: %s", error)


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Leaderboard(bot))
