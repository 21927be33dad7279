"""/reports: decisions on reported presets, by moderators for their server, by the bot's owner everywhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import discord

from bot.app import Antiphon
from bot.errors import UserError
from bot.locale import mark, ntr, tr
from bot.presets.service import PresetModeration
from bot.store.presets.model import BOT, EVERYWHERE
from bot.store.presets.reports import Case
from cogs.presets.card import preset_card, shown_name
from cogs.ui.answers import defer_update, think
from cogs.ui.buttons import IdButton, in_rows
from cogs.ui.embeds import Field, build_embed
from cogs.ui.permissions import moderates_channel, moderates_server
from cogs.ui.text import quoted

GRANT_LIFETIME = timedelta(minutes=15)
"""How long buttons under an answer to /reports are taken for the command itself."""
SHOWN = 10
REASON_SHOWN = 300


async def queue_of(interaction: discord.Interaction[Antiphon]) -> int:
    """Return the server whose queue the acting member may decide on. Raises UserError for others.

    A decision holds in the whole server, so the permission has to: by a role, or by a grant of /reports
    under Integrations. In a direct message the bot's owner decides for every server.
    """
    if interaction.guild_id is not None:
        if moderates_server(interaction) or _was_granted(interaction):
            return interaction.guild_id
        raise UserError(
            "Only moderators of the whole server see what was reported: a role with Manage Messages, or one "
            "that may use /reports by the server's settings under Integrations. Manage Messages in a single "
            "channel is not enough."
        )
    if await interaction.client.is_owner(interaction.user):
        return EVERYWHERE
    raise UserError("Open reports in the server where they were made.")


def _was_granted(interaction: discord.Interaction[Antiphon]) -> bool:
    """Tell whether the server granted the acting member the command itself, under Integrations.

    By default Discord offers /reports to members with Manage Messages in the channel, so a command from a
    member without that permission was granted. A button under a private answer was pressed by the member who
    got the answer. The grant is assumed to hold for GRANT_LIFETIME; afterwards the command is needed again.
    """
    if interaction.type is discord.InteractionType.application_command:
        return not moderates_channel(interaction)
    message = interaction.message
    if message is None or not message.flags.ephemeral:
        return False
    return interaction.created_at - message.created_at < GRANT_LIFETIME


class CaseButton(IdButton, prefix="report:show"):
    """One case of the queue."""

    label = "Look"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show it with what can be decided."""
        await think(interaction, private=True)
        queue = await queue_of(interaction)
        case = await interaction.client.preset_moderation.case(queue, self.number)
        await interaction.followup.send(
            embed=case_card(case, interaction.user.id), view=_decisions(case), ephemeral=True
        )


class DecisionButton(IdButton):
    """A decision about one preset. Subclasses have the decision and its confirmation."""

    decided: ClassVar[str]

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Record the decision, and confirm it."""
        await defer_update(interaction)
        queue = await queue_of(interaction)
        await self.decide(interaction.client.preset_moderation, queue, interaction.user.id)
        await interaction.edit_original_response(content=tr(self.decided), embed=None, view=None)

    async def decide(self, moderation: PresetModeration, guild_id: int, moderator_id: int) -> None:
        """Record the decision."""
        raise AssertionError("subclasses decide")


class HideButton(DecisionButton, prefix="report:hide"):
    """Hides the preset from everybody but its owner."""

    label = "Hide"
    style = discord.ButtonStyle.danger
    decided = mark("Hidden from everyone except its owner. You can restore it in `/reports`.")

    async def decide(self, moderation: PresetModeration, guild_id: int, moderator_id: int) -> None:
        """Hide the preset."""
        await moderation.hide(guild_id, self.number, moderator_id)


class KeepButton(DecisionButton, prefix="report:keep"):
    """Keeps the preset, or restores it."""

    label = "Keep"
    style = discord.ButtonStyle.success
    decided = mark("It stays, and the reports are closed.")

    async def decide(self, moderation: PresetModeration, guild_id: int, moderator_id: int) -> None:
        """Keep or restore the preset."""
        await moderation.keep(guild_id, self.number, moderator_id)


class BanButton(DecisionButton, prefix="report:ban"):
    """Hides all presets of the author, who may share no more."""

    label = "Ban author"
    style = discord.ButtonStyle.danger
    decided = mark("The author can't share here any more. You can undo this in `/reports`.")

    async def decide(self, moderation: PresetModeration, guild_id: int, moderator_id: int) -> None:
        """Ban the preset's author."""
        await moderation.ban(guild_id, self.number, moderator_id)


class UnbanButton(DecisionButton, prefix="report:unban"):
    """Lets the author share again."""

    label = "Unban author"
    decided = mark("The author can share here again.")

    async def decide(self, moderation: PresetModeration, guild_id: int, moderator_id: int) -> None:
        """Undo the ban."""
        await moderation.unban(guild_id, self.number, moderator_id)


BUTTONS = (CaseButton, HideButton, KeepButton, BanButton, UnbanButton)


async def queue_page(
    interaction: discord.Interaction[Antiphon],
) -> tuple[discord.Embed, discord.ui.View | None]:
    """Return the reported presets, and those that were hidden or whose author was banned."""
    cases = await interaction.client.preset_moderation.queue(await queue_of(interaction), SHOWN)
    if not cases:
        return build_embed(description=tr("Nothing was reported, and nothing is hidden.")), None
    lines = [
        f"**{number}. {shown_name(case.preset.name)}**: {_state(case)}"
        for number, case in enumerate(cases, start=1)
    ]
    buttons: list[discord.ui.Item[Any]] = [
        CaseButton(case.preset.id, tr("Look at {number}", number=number))
        for number, case in enumerate(cases, start=1)
    ]
    return build_embed(title=tr("Reported presets"), description=lines), in_rows(*buttons)


def case_card(case: Case, reader_id: int) -> discord.Embed:
    """Return a reported preset with the reasons; those that do not fit are counted."""
    reasons = [f"- {quoted(reason, REASON_SHOWN)}" for reason in case.reasons]
    reported = Field(_state(case), reasons, inline=False)
    return preset_card(case.preset, [], reader_id, [reported])


def _decisions(case: Case) -> discord.ui.View:
    number = case.preset.id
    buttons: list[discord.ui.Item[Any]] = []
    if not case.hidden:
        buttons.append(HideButton(number))
    buttons.append(KeepButton(number, tr("Restore") if case.hidden else None))
    if case.banned:
        buttons.append(UnbanButton(number))
    elif case.preset.owner_id != BOT:
        buttons.append(BanButton(number))
    return in_rows(*buttons)


def _state(case: Case) -> str:
    reports = len(case.reasons)
    parts = [ntr("{count} open report", "{count} open reports", reports)]
    parts += [tr("hidden")] * case.hidden + [tr("author banned")] * case.banned
    return ", ".join(parts)
