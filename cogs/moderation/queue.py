"""The open jobs of a server, any of which a moderator can cancel."""

from __future__ import annotations

import re
from typing import Any, Self

import discord

from bot.app import Antiphon
from bot.discord_limits import MAX_CHOICES
from bot.errors import UserError
from bot.locale import tr
from bot.store.job_model import Job
from cogs.moderation.clips import moderated_guild
from cogs.ui.answers import defer_update
from cogs.ui.buttons import in_rows
from cogs.ui.gated_item import GatedItem
from cogs.ui.text import in_a_line, plain

_CUSTOM_ID = "moderate:cancel"
LABEL_CHARACTERS = 100


class CancelAnySelect(GatedItem, template=_CUSTOM_ID):
    """Cancels open jobs of the server."""

    def __init__(self, jobs: list[Job] | None = None) -> None:
        options = [
            discord.SelectOption(
                label=plain(f"#{job.id} · {job.recipe.prompt}", LABEL_CHARACTERS), value=str(job.id)
            )
            for job in (jobs or [])[:MAX_CHOICES]
        ]
        super().__init__(
            discord.ui.Select(
                custom_id=_CUSTOM_ID,
                placeholder=tr("Cancel …"),
                options=options,
                max_values=max(len(options), 1),
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the select again from a message of any age."""
        return cls()

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Cancel the chosen jobs, and show what is left."""
        await defer_update(interaction)
        bot, guild_id = interaction.client, moderated_guild(interaction)
        for value in self.item.values:
            job = await bot.history.job(int(value))
            if job.guild_id != guild_id:
                raise UserError("That clip isn't from this server. Pick one from the list.")
            await bot.jobs.cancel(job.id)
            await bot.policy.record(
                guild_id,
                interaction.user.id,
                "cancel",
                member_id=job.user_id,
                detail=f"clip request {job.id}",
            )
        content, view = await queue_page(interaction)
        await interaction.edit_original_response(content=content, view=view)


ITEMS = (CancelAnySelect,)


async def queue_page(interaction: discord.Interaction[Antiphon]) -> tuple[str, discord.ui.View | None]:
    """Return the open jobs of the server that the acting member moderates."""
    jobs = await interaction.client.history.open_jobs_in(moderated_guild(interaction))
    if not jobs:
        return tr("Nobody in this server is waiting for a clip."), None
    positions = await interaction.client.jobs.queue_positions()
    lines = []
    for job in jobs[:MAX_CHOICES]:
        position = positions.get(job.id)
        where = tr("rendering")
        if position and position.number:
            where = tr("place {number}", number=position.number)
        lines.append(f"**#{job.id}**, {where}, <@{job.user_id}>: {in_a_line(job.recipe, 50)}")
    if len(jobs) > MAX_CHOICES:
        lines.append(tr("and {count} more", count=len(jobs) - MAX_CHOICES))
    return "\n".join(lines), in_rows(CancelAnySelect(jobs))
