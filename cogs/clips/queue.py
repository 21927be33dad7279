"""/queue and /cancel: the queue, and cancelling one's own jobs."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import Antiphon
from bot.discord_limits import MAX_CHOICES
from bot.errors import NotFound, UserError
from bot.jobs.estimates import QueuePosition
from bot.jobs.eta import spoken
from bot.locale import tr
from cogs.ui.answers import think
from cogs.ui.choices import number_in, numbered_choice
from cogs.ui.commands import command
from cogs.ui.permissions import moderates_server
from cogs.ui.text import in_a_line

SHOWN = 10


class Queue(commands.Cog):
    """The queue, as members see it."""

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot

    @app_commands.command(description="Show what is rendering and waiting, and when yours is ready")
    async def queue(self, interaction: discord.Interaction[Antiphon]) -> None:
        """List what runs and waits; prompts are shown to those who wrote them only."""
        await think(interaction, private=True)
        positions = await self.bot.jobs.queue_positions()
        mine = {job.id: job for job in await self.bot.history.open_jobs(interaction.user.id)}
        waiting = sum(position.number > 0 for position in positions.values())
        lines = [
            tr("Nothing is waiting, so your next clip starts at once.")
            if not positions
            else tr(
                "{rendering} rendering, {waiting} waiting; all done in {time}.",
                rendering=len(positions) - waiting,
                waiting=waiting,
                time=spoken(max(position.seconds for position in positions.values())),
            )
        ]
        if self.bot.jobs.paused:
            lines.append(tr("The bot's owner has paused the queue: clips wait until it goes on."))
        for job_id, position in list(positions.items()):
            if job_id in mine and len(lines) <= SHOWN:
                lines.append(
                    tr(
                        "**#{number}, {position}**, ready in {time}: {clip}",
                        number=job_id,
                        position=_position_text(position),
                        time=position.spoken,
                        clip=in_a_line(mine[job_id].recipe),
                    )
                )
        if positions and not mine:
            lines.append(tr("None is yours."))
        if interaction.guild_id is not None and moderates_server(interaction):
            moderate = command(self.bot, "moderate queue")
            lines.append(
                tr(
                    "{command} shows everybody's clips in this server, and cancels any of them.",
                    command=moderate,
                )
            )
        await interaction.followup.send("\n".join(lines), ephemeral=True)

    @app_commands.command(description="Cancel a clip that you are waiting for")
    @app_commands.describe(clip="Which one (default: your newest)")
    async def cancel(self, interaction: discord.Interaction[Antiphon], clip: str | None = None) -> None:
        """Cancel one of the member's own open jobs."""
        await think(interaction, private=True)
        mine = {job.id: job for job in await self.bot.history.open_jobs(interaction.user.id)}
        if not mine:
            raise NotFound("You have no clip waiting or rendering.")
        number = max(mine) if clip is None else number_in(clip)
        if number is None or number not in mine:
            raise UserError("You have no waiting clip with that number. Pick one from the list.")
        job = await self.bot.jobs.cancel(number)
        text = tr("Cancelled: #{number} {clip}", number=job.id, clip=in_a_line(job.recipe))
        if await self.bot.comparisons.store.makes(job.id):
            text += "\n" + tr("Its comparison ends with it.")
        elif job.in_duel:
            text += "\n" + tr("Its duel ends with it.")
        await interaction.followup.send(text, ephemeral=True)

    @cancel.autocomplete("clip")
    async def _own_open_jobs(
        self, interaction: discord.Interaction[Antiphon], current: str
    ) -> list[app_commands.Choice[str]]:
        jobs = await self.bot.history.open_jobs(interaction.user.id)
        positions = await self.bot.jobs.queue_positions()
        choices = [
            numbered_choice(job.id, _position_text(positions.get(job.id)), job.recipe.prompt)
            for job in reversed(jobs)
        ]
        typed = current.strip().casefold()
        return [choice for choice in choices if typed in choice.name.casefold()][:MAX_CHOICES]


def _position_text(position: QueuePosition | None) -> str:
    if position is None:
        return tr("done in a moment")
    return tr("place {number}", number=position.number) if position.number else tr("rendering")


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Queue(bot))
