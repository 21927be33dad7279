"""Reported clips: the form, the moderators' queue, and what they decide."""

from __future__ import annotations

from typing import Any

import discord

from bot.app import Antiphon
from bot.errors import NotFound, UserError
from bot.locale import mark, ntr, tr
from bot.store.clip_reports import ClipCase
from bot.store.clips import Clip
from cogs.clips.card import details
from cogs.ui.answers import defer_update, think
from cogs.ui.buttons import IdButton, in_rows
from cogs.ui.embeds import build_embed
from cogs.ui.forms import Answers
from cogs.ui.permissions import moderates_server
from cogs.ui.report_form import REPORTED, ReportForm
from cogs.ui.take_choice import TakeChoice
from cogs.ui.text import quoted

SHOWN = 5
REASON_SHOWN = 300


def moderated_guild(interaction: discord.Interaction[Antiphon]) -> int:
    """Return the server that the acting member moderates. Raises UserError for others."""
    if interaction.guild_id is not None and moderates_server(interaction):
        return interaction.guild_id
    raise UserError(
        "Only moderators of the whole server can do that: a role with Manage Messages or Manage Server, or "
        "one that /settings names as moderators of the bot."
    )


class ReportClipForm(ReportForm):
    """Why moderators should look at the clip whose number it has."""

    prefix = "report:clip"

    async def submitted(self, interaction: discord.Interaction[Antiphon], typed: Answers) -> None:
        """Put it into the queue."""
        await think(interaction, private=True)
        bot, guild_id = interaction.client, interaction.guild_id
        if guild_id is None:
            raise UserError("Report a clip in the server where it was made.")
        await bot.clip_moderation.report(guild_id, self.number, interaction.user.id, typed["reason"])
        await bot.policy.record(guild_id, interaction.user.id, "report", detail=f"clip {self.number}")
        await interaction.followup.send(REPORTED, ephemeral=True)


class ReportTakeSelect(TakeChoice, prefix="takes:report"):
    """Chooses the take to report."""

    placeholder = mark("Which take should moderators look at?")

    async def chosen(self, interaction: discord.Interaction[Antiphon], clip: Clip) -> None:
        """Ask why."""
        await ReportClipForm(clip.id).offer(interaction)


class LookAtClipButton(IdButton, prefix="moderate:look"):
    """One reported clip."""

    label = "Look"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show it with what can be decided."""
        await think(interaction, private=True)
        case = await _case(interaction, self.number)
        clip = await interaction.client.history.clip(case.clip_id)
        reasons = [f"- {quoted(reason, REASON_SHOWN)}" for reason in case.reasons]
        found = build_embed(title=tr("Reports of clip {number}", number=case.clip_id), description=reasons)
        kinds = (DeleteClipButton, KeepClipButton, BanRequesterButton)
        await interaction.followup.send(
            tr("Requested by {member}. {link}", member=f"<@{case.user_id}>", link=_link(case)),
            embeds=[found, details(clip)],
            view=in_rows(*(kind(case.clip_id) for kind in kinds)),
            ephemeral=True,
        )


class _Decision(IdButton):
    """A decision about a reported clip; it settles the reports."""

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Carry it out, and confirm it."""
        await defer_update(interaction)
        case = await _case(interaction, self.number)
        said = await self.decide(interaction, case)
        await interaction.client.clip_moderation.settle(case, interaction.user.id)
        await interaction.edit_original_response(content=said, embeds=[], view=None)

    async def decide(self, interaction: discord.Interaction[Antiphon], case: ClipCase) -> str:
        """Act, and return what to confirm."""
        raise AssertionError("subclasses decide")


class DeleteClipButton(_Decision, prefix="moderate:delete"):
    """Deletes the clip: message, files and record."""

    label = "Delete clip"
    style = discord.ButtonStyle.danger

    async def decide(self, interaction: discord.Interaction[Antiphon], case: ClipCase) -> str:
        """Delete it."""
        bot = interaction.client
        await bot.deletions.begin(case.clip_id)
        await bot.policy.record(
            case.guild_id,
            interaction.user.id,
            "delete clip",
            member_id=case.user_id,
            detail=f"clip {case.clip_id}",
        )
        return tr("Clip {number} is deleted.", number=case.clip_id)


class KeepClipButton(_Decision, prefix="moderate:keep"):
    """Keeps the clip."""

    label = "Keep"
    style = discord.ButtonStyle.success

    async def decide(self, interaction: discord.Interaction[Antiphon], case: ClipCase) -> str:
        """Keep it."""
        await interaction.client.policy.record(
            case.guild_id, interaction.user.id, "keep clip", detail=f"clip {case.clip_id}"
        )
        return tr("Clip {number} stays, and its reports are settled.", number=case.clip_id)


class BanRequesterButton(_Decision, prefix="moderate:ban"):
    """Deletes the clip and bans who requested it from the bot in this server."""

    label = "Delete and ban member"
    style = discord.ButtonStyle.danger

    async def decide(self, interaction: discord.Interaction[Antiphon], case: ClipCase) -> str:
        """Do both."""
        await ban(interaction, case.guild_id, case.user_id, f"clip {case.clip_id}")
        await interaction.client.deletions.begin(case.clip_id)
        return tr(
            "Clip {number} is deleted, and {member} is banned from the bot here.",
            number=case.clip_id,
            member=f"<@{case.user_id}>",
        )


ITEMS = (ReportTakeSelect, LookAtClipButton, DeleteClipButton, KeepClipButton, BanRequesterButton)


async def ban(interaction: discord.Interaction[Antiphon], guild_id: int, user_id: int, reason: str) -> int:
    """Ban a member from the bot in a server, cancel what they have open there, and return how much it was."""
    bot = interaction.client
    if user_id == interaction.user.id:
        raise UserError("You can't ban yourself. Pick another member.")
    await bot.policy.ban(guild_id, user_id, interaction.user.id, reason)
    cancelled = 0
    for job in await bot.history.open_jobs(user_id):
        if job.guild_id == guild_id:
            try:
                await bot.jobs.cancel(job.id)
            except NotFound:
                continue  # done meanwhile
            cancelled += 1
    return cancelled


async def clips_page(
    interaction: discord.Interaction[Antiphon],
) -> tuple[str, discord.ui.View | None]:
    """Return the reported clips of the server."""
    cases = await interaction.client.clip_moderation.queue(moderated_guild(interaction), SHOWN)
    if not cases:
        return tr("There are no reported clips. `/reports` lists reported presets."), None
    lines = [
        ntr(
            "**Clip {number}** by {member}: {count} report. {link}",
            "**Clip {number}** by {member}: {count} reports. {link}",
            len(case.reasons),
            number=case.clip_id,
            member=f"<@{case.user_id}>",
            link=_link(case),
        )
        for case in cases
    ]
    looks: list[discord.ui.Item[Any]] = [
        LookAtClipButton(case.clip_id, tr("Look at {number}", number=case.clip_id)) for case in cases
    ]
    return "\n".join(lines), in_rows(*looks)


async def _case(interaction: discord.Interaction[Antiphon], clip_id: int) -> ClipCase:
    return await interaction.client.clip_moderation.case(moderated_guild(interaction), clip_id)


def _link(case: ClipCase) -> str:
    if case.message_id is None:
        return tr("Its message is gone.")
    return (
        f"[{tr('Message')}](https://discord.com/channels/{case.guild_id}/{case.channel_id}/{case.message_id})"
    )
