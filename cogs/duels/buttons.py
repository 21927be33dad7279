"""The buttons under a duel, and the one that asks a voter for reasons."""

from __future__ import annotations

from typing import ClassVar

import discord

from bot.app import Antiphon
from bot.arena.votes import Choice, ExcludedReason
from bot.errors import NotFound, UserError
from cogs.duels.feedback_form import FeedbackForm
from cogs.ui.answers import think
from cogs.ui.buttons import IdButton, in_rows
from cogs.ui.permissions import moderates_channel

NOT_COUNTED = {
    ExcludedReason.TOO_QUICK: "it came before much of both clips can have been heard",
    ExcludedReason.ACCOUNT_TOO_YOUNG: "your Discord account is too young",
    ExcludedReason.TOO_MANY_TODAY: "you have cast very many votes today",
}


class VoteButton(IdButton):
    """A button that casts a vote."""

    choice: ClassVar[Choice]
    style = discord.ButtonStyle.primary

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Cast the vote and confirm it privately."""
        await think(interaction, private=True)
        outcome = await interaction.client.votes.cast(
            self.number,
            interaction.user.id,
            self.choice,
            cast_at=interaction.created_at.timestamp(),
            account_created_at=interaction.user.created_at.timestamp(),
        )
        text = f"Your vote: **{self.label}**. "
        if outcome.excluded_reason is None:
            text += "Thank you! "
        else:
            text += f"It is kept but not counted: {NOT_COUNTED[outcome.excluded_reason]}. "
        text += "What was A and what was B is shown when the duel closes."
        view = discord.utils.MISSING if outcome.closed else in_rows(WhyButton(self.number))
        await interaction.followup.send(text, view=view, ephemeral=True)


class VoteA(VoteButton, prefix="duel:a"):
    """Prefers A."""

    label, choice = "A", Choice.A


class VoteB(VoteButton, prefix="duel:b"):
    """Prefers B."""

    label, choice = "B", Choice.B


class VoteBothGood(VoteButton, prefix="duel:good"):
    """No preference; both are good."""

    label, choice = "Both good", Choice.BOTH_GOOD
    style = discord.ButtonStyle.secondary


class VoteBothBad(VoteButton, prefix="duel:bad"):
    """No preference; both are bad."""

    label, choice = "Both bad", Choice.BOTH_BAD
    style = discord.ButtonStyle.secondary


class CloseButton(IdButton, prefix="duel:close"):
    """Closes the duel early."""

    label = "Close"
    style = discord.ButtonStyle.danger

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Close it, for its requester and moderators alone."""
        await think(interaction, private=True)
        duels = interaction.client.duels
        duel = await duels.get(self.number)
        if duel.user_id != interaction.user.id and not moderates_channel(interaction):
            raise UserError("Only the person who asked for a duel, or a moderator, can close it.")
        if await duels.close(duel.id) is None:
            raise NotFound("This duel is closed already.")
        await interaction.followup.send("Closed. The message shows what was what.", ephemeral=True)


class WhyButton(IdButton, prefix="duel:why"):
    """Asks a voter for the reasons of the vote."""

    label = "Why?"
    emoji = "💬"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Open the form, which has to be the first answer; whether they voted is looked at afterwards."""
        await FeedbackForm(self.number).offer(interaction)


BUTTONS = (VoteA, VoteB, VoteBothGood, VoteBothBad, CloseButton, WhyButton)


def duel_buttons(duel_id: int) -> discord.ui.View:
    """Return the buttons under an open duel."""
    return in_rows(
        VoteA(duel_id), VoteB(duel_id), VoteBothGood(duel_id), VoteBothBad(duel_id), CloseButton(duel_id)
    )
