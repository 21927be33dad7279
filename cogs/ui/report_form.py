"""The form of a report to a server's moderators: one reason."""

from __future__ import annotations

import discord

from bot.app import Antiphon
from cogs.ui.forms import Field, Form

REASON_CHARACTERS = 300
REPORTED = "Thank you. The moderators will look at it."


class ReportForm(Form):
    """Why moderators should look at the object with the form's number. Subclasses put it into their queue."""

    async def offer(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Open it."""
        reason = Field(
            id="reason",
            label="What is wrong with it?",
            max_length=REASON_CHARACTERS,
            long=True,
            required=True,
        )
        await self.open(interaction, "Report to the moderators", [reason])
