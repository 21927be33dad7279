"""The buttons under a duel, and the one that asks a voter for reasons."""

from __future__ import annotations

from typing import ClassVar

import discord

from bot.app import Antiphon
from bot.arena.votes import Choice, ExcludedReason, Rules
from bot.errors import NotFound, UserError
from bot.locale import mark, ntr, tr
from bot.policy.limits import duel_rules
from bot.store.duels.model import DuelState
from cogs.duels.feedback_form import FeedbackForm
from cogs.submission.submit import acknowledge_request, start_duel
from cogs.ui.answers import think
from cogs.ui.buttons import IdButton, in_rows
from cogs.ui.permissions import moderates_channel


def not_counted(reason: ExcludedReason, rules: Rules) -> str:
    """Return why a stored vote does not count, as the end of a sentence."""
    match reason:
        case ExcludedReason.TOO_QUICK:
            return tr("it came before you can have heard much of both clips")
        case ExcludedReason.ACCOUNT_TOO_YOUNG:
            days = rules.account_days
            return ntr(
                "your Discord account has to be at least {count:g} day old",
                "your Discord account has to be at least {count:g} days old",
                days,
            )
        case ExcludedReason.TOO_MANY_TODAY:
            return tr("{count} votes a day count, and you have cast those", count=rules.votes_per_day)
        case ExcludedReason.OWN_DUEL:
            return tr("in this server, votes on one's own duels don't")


class VoteButton(IdButton):
    """A button that casts a vote."""

    choice: ClassVar[Choice]
    style = discord.ButtonStyle.primary

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Cast the vote and confirm it privately."""
        await think(interaction, private=True)
        votes = interaction.client.votes
        server = duel_rules(interaction.client.policy.server(interaction.guild_id))
        outcome = await votes.cast(
            self.number,
            interaction.user.id,
            self.choice,
            cast_at=interaction.created_at.timestamp(),
            account_created_at=interaction.user.created_at.timestamp(),
            server=server,
        )
        thanks = tr("Thank you!")
        if outcome.excluded_reason is not None:
            why = not_counted(outcome.excluded_reason, votes.rules(server))
            thanks = tr("It is saved but doesn't count: {why}.", why=why)
        voted = tr("Your vote: **{choice}**.", choice=tr(self.label))
        later = tr("You will see which mode was A and which was B when the duel closes.")
        text = f"{voted} {thanks} {later}"
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

    label, choice = mark("Both good"), Choice.BOTH_GOOD
    style = discord.ButtonStyle.secondary


class VoteBothBad(VoteButton, prefix="duel:bad"):
    """No preference; both are bad."""

    label, choice = mark("Both bad"), Choice.BOTH_BAD
    style = discord.ButtonStyle.secondary


class CloseButton(IdButton, prefix="duel:close"):
    """Closes the duel early."""

    label = "Close"
    style = discord.ButtonStyle.danger

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Close it. Raises UserError for anybody but its requester and moderators."""
        await think(interaction, private=True)
        duels = interaction.client.duels
        duel = await duels.get(self.number)
        if duel.user_id != interaction.user.id and not moderates_channel(interaction):
            raise UserError("Only the person who started the duel, or a moderator, can close it.")
        if await duels.close(duel.id) is None:
            raise NotFound("This duel is already closed.")
        await interaction.followup.send(
            tr("Closed. The message now shows which mode was A and which was B."), ephemeral=True
        )


class RematchButton(IdButton, prefix="duel:rematch"):
    """Starts a duel on the prompt and length of a closed one, with new seeds."""

    label = "Rematch"
    style = discord.ButtonStyle.primary
    emoji = "🔁"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Start it for the person who pressed."""
        await acknowledge_request(interaction, clips=2)
        await rematch(interaction, self.number)


class WhyButton(IdButton, prefix="duel:why"):
    """Asks a voter for the reasons of the vote."""

    label = "Why?"
    emoji = "💬"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Open the form: a modal has to be the first response, so the vote is looked up afterwards."""
        await FeedbackForm(self.number).offer(interaction)


BUTTONS = (VoteA, VoteB, VoteBothGood, VoteBothBad, CloseButton, RematchButton, WhyButton)


async def rematch(interaction: discord.Interaction[Antiphon], duel_id: int) -> None:
    """Start a duel with the prompt and length of a closed one of this server. Raises UserError."""
    before = await interaction.client.duels.get(duel_id, interaction.guild_id or 0)
    if before.state not in (DuelState.CLOSED, DuelState.REVEALED):
        raise UserError("That duel isn't over yet. Close it first, or wait until it ends.")
    await start_duel(interaction, before.prompt, await interaction.client.duels.rematch(before))


def duel_buttons(duel_id: int) -> discord.ui.View:
    """Return the buttons under an open duel."""
    return in_rows(
        VoteA(duel_id), VoteB(duel_id), VoteBothGood(duel_id), VoteBothBad(duel_id), CloseButton(duel_id)
    )
