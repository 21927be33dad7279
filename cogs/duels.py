"""/duel: start one, let them meet again, and see what is open. Also takes what is said under "Why?"."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import Antiphon
from bot.errors import NotFound, UserError
from bot.recipe import PROMPT_CHARACTERS
from bot.store.duels import Stage
from cogs.asking import acknowledge_request, start_duel
from cogs.ui.answers import answer_error, think
from cogs.ui.duels import moment, said_in
from cogs.ui.embeds import build_embed
from cogs.ui.text import plain, quoted

LISTED = 15
CHOICES = 25
CHOICE_CHARACTERS = 100


@app_commands.guild_only()
@app_commands.allowed_installs(guilds=True, users=False)
class Duels(commands.GroupCog, group_name="duel", group_description="Two clips, voted on blind"):
    """The commands about duels."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot
        super().__init__()

    @app_commands.command(
        description="Make two clips from your words, one a mode, and have others vote blind"
    )
    @app_commands.describe(
        prompt="What you want to hear: “slow piano in the rain”", seconds="How long both clips are"
    )
    async def start(
        self,
        interaction: discord.Interaction[Antiphon],
        prompt: app_commands.Range[str, 1, PROMPT_CHARACTERS],
        seconds: app_commands.Range[float, 1, 600] | None = None,
    ) -> None:
        """Queue both clips."""
        # A mistake is answered at once, privately.
        self.bot.duels.recipes(prompt, seconds)
        await acknowledge_request(interaction, clips=2)
        await start_duel(interaction, prompt, seconds)

    @app_commands.command(
        description="Let the two ways meet again on the prompt of an old duel, with new seeds"
    )
    @app_commands.describe(duel="Which one: its number, or some of its words")
    async def rematch(self, interaction: discord.Interaction[Antiphon], duel: str) -> None:
        """Start a duel with the prompt and length of one that is over."""
        if not duel.isdecimal() or len(duel) > 18:
            raise UserError("Give the number of a duel, or choose one from the list that appears.")
        await acknowledge_request(interaction, clips=2)
        before = await self.bot.duels.duels.get(int(duel))
        if before.guild_id != interaction.guild_id:
            raise NotFound(f"There is no duel {before.id} in this server.")
        if before.state not in (Stage.CLOSED, Stage.REVEALED):
            raise UserError("That duel is not over yet.")
        await start_duel(interaction, before.prompt, before.seconds)

    @rematch.autocomplete("duel")
    async def _over(
        self, interaction: discord.Interaction[Antiphon], current: str
    ) -> list[app_commands.Choice[str]]:
        found = await self.bot.duels.duels.over_in(interaction.guild_id or 0, current.strip(), CHOICES)
        return [
            app_commands.Choice(
                name=plain(f"{duel.id}: {duel.prompt}", CHOICE_CHARACTERS),
                value=str(duel.id),
            )
            for duel in found
        ]

    @app_commands.command(description="Show the duels that take votes here")
    async def list(self, interaction: discord.Interaction[Antiphon]) -> None:
        """List them, the one that closes first before the others."""
        await think(interaction, private=True)
        found = await self.bot.duels.duels.going_in(interaction.guild_id or 0)
        lines = [
            f"[Duel {duel.id}]({duel.link}) {quoted(duel.prompt, 80)} · closes "
            + discord.utils.format_dt(moment(duel.closes_at or 0), "R")
            for duel in found[:LISTED]
        ]
        if len(found) > LISTED:
            lines.append(f"and {len(found) - LISTED} more")
        text = lines or "No duel is open here. /duel start begins one."
        await interaction.followup.send(embed=build_embed(description=text), ephemeral=True)

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Take what a voter says under "Why?", however long ago the form was opened."""
        try:
            said = said_in(interaction)
            if said is None:
                return
            duel_id, why = said
            await think(interaction, private=True)
            await self.bot.duels.votes.why(
                duel_id,
                interaction.user.id,
                reasons=why.reasons,
                line=why.line,
                score_a=why.score_a,
                score_b=why.score_b,
            )
            await interaction.followup.send("Noted, thank you.", ephemeral=True)
        except Exception as error:
            await answer_error(interaction, error, "the form “Why?”")


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Duels(bot))
