"""What can be done with one of several takes: a select under their message, and a private answer to it.

The answer has the buttons of an ordinary clip, so whatever those can do, a take can; and what takes alone
have: keep this one, and a duel with another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Self

import discord

from bot.app import Antiphon
from bot.errors import NotFound, UserError
from bot.locale import ntr, tr
from bot.store.clips import Clip
from bot.store.job_model import Job
from cogs.clips.buttons import CancelButton, remember_press, removable
from cogs.clips.more import clip_buttons
from cogs.clips.takes_card import open_takes
from cogs.submission.submit import acknowledge_request, can_post, start_duel
from cogs.ui.answers import defer_update
from cogs.ui.buttons import TAKES_SELECT, IdButton, in_rows
from cogs.ui.gated_item import GatedItem
from cogs.ui.permissions import moderates_channel
from cogs.ui.take_choice import NumberedClip, take_option
from cogs.ui.text import in_a_line


class TakeSelect(GatedItem, template=rf"{TAKES_SELECT}:(?P<first>\d+)"):
    """Chooses a take. first: the first take's job."""

    def __init__(self, first: int, clips: Sequence[NumberedClip] = ()) -> None:
        self.first = first
        options = [take_option(tr("Take {take}", take=take), clip) for take, clip in clips]
        super().__init__(
            discord.ui.Select(
                custom_id=f"{TAKES_SELECT}:{first}",
                placeholder=tr("Choose a take to keep, vary, duel …"),
                options=options,
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the select again from a message of any age."""
        return cls(int(match["first"]))

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Show what can be done with the chosen take, in private."""
        # Deferred as an update: so the message that this token can change is that of the takes.
        await defer_update(interaction)
        [chosen] = self.item.values
        bot = interaction.client
        clip = await bot.history.clip(int(chosen))
        clips = await bot.history.clips_of_takes(self.first)
        remember_press(interaction, *(one.id for _, one in clips))
        await interaction.followup.send(
            tr(
                "**Take {take}** · seed {seed} · {clip}",
                take=_number(clips, clip),
                seed=clip.recipe.seed,
                clip=in_a_line(clip.recipe),
            ),
            view=take_view(bot, self.first, clip, clips, can_duel=can_post(interaction)),
            ephemeral=True,
        )


class DuelTakesSelect(GatedItem, template=r"takes:duel:(?P<first>\d+):(?P<clip>\d+)"):
    """Starts a duel of one take with another, which is chosen here."""

    def __init__(self, first: int, clip_id: int, clips: Sequence[NumberedClip] = ()) -> None:
        self.first = first
        self.clip_id = clip_id
        options = [
            take_option(tr("Duel with take {take}", take=take), clip)
            for take, clip in clips
            if clip.id != clip_id
        ]
        super().__init__(
            discord.ui.Select(
                custom_id=f"takes:duel:{first}:{clip_id}",
                placeholder=tr("Duel with another take …"),
                options=options,
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the select again from a message of any age."""
        return cls(int(match["first"]), int(match["clip"]))

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Start the duel for the member who chose: both recipes are rendered again, blind."""
        await acknowledge_request(interaction, clips=2)
        [chosen] = self.item.values
        history = interaction.client.history
        one, other = await history.clip(self.clip_id), await history.clip(int(chosen))
        await start_duel(interaction, one.recipe.prompt, (one.recipe, other.recipe))


class KeepTakeButton(IdButton, prefix="takes:keep"):
    """Asks whether to keep one take and to delete the others."""

    label = "Keep only this one"
    emoji = "📌"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Ask the takes' owner or a moderator, in private."""
        await defer_update(interaction)
        clip = await removable(interaction, self.number)
        clips, others = await _with_others(interaction.client, clip)
        names = _listed([str(_number(clips, other)) for other in others])
        question = ntr(
            "Keep take {kept} and delete take {names}? There is no way back.",
            "Keep take {kept} and delete takes {names}? There is no way back.",
            len(others),
            kept=_number(clips, clip),
            names=names,
        )
        label = ntr("Delete take {names}", "Delete takes {names}", len(others), names=names)
        await interaction.edit_original_response(
            content=question,
            view=in_rows(ReallyKeepTakeButton(clip.id, label), KeepAllTakesButton(clip.id)),
        )


class ReallyKeepTakeButton(IdButton, prefix="takes:really-keep"):
    """Keeps one take: the others leave the message, the disk and /history."""

    label = "Delete the others"
    style = discord.ButtonStyle.danger

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Delete them for their owner or a moderator; the message follows by itself."""
        await defer_update(interaction)
        clip = await removable(interaction, self.number)
        clips, others = await _with_others(interaction.client, clip)
        for other in others:
            # Somebody else may have deleted it meanwhile.
            with suppress(NotFound):
                await interaction.client.deletions.confirmed(interaction.user.id, other.id)
        await interaction.edit_original_response(
            content=tr("Take {take} stays.", take=_number(clips, clip)), view=None
        )


class KeepAllTakesButton(IdButton, prefix="takes:keep-all"):
    """Takes the question away."""

    label = "Keep all"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Leave the takes as they are."""
        await defer_update(interaction)
        await interaction.edit_original_response(content=tr("Kept all of them."), view=None)


class CancelTakesButton(IdButton, prefix="takes:cancel"):
    """Cancels all takes that are not done."""

    label = "Cancel all"

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Cancel them for their owner or a moderator; the message follows by itself."""
        await defer_update(interaction)
        bot = interaction.client
        jobs = await bot.history.takes(self.number)
        if any(job.user_id != interaction.user.id for job in jobs) and not moderates_channel(interaction):
            raise UserError("Only the person who asked for these takes, or a moderator, can cancel them.")
        for job in open_takes(jobs):
            with suppress(NotFound):
                await bot.jobs.cancel(job.id)


ITEMS = (
    TakeSelect,
    DuelTakesSelect,
    KeepTakeButton,
    ReallyKeepTakeButton,
    KeepAllTakesButton,
    CancelTakesButton,
)


def takes_view(bot: Antiphon, first: Job, clips: Sequence[NumberedClip]) -> discord.ui.View:
    """Return what stands under the message of a group: the select, or the buttons of the only clip."""
    if len(clips) == 1:
        return clip_buttons(bot, clips[0][1])
    return in_rows(TakeSelect(first.id, clips))


def take_view(
    bot: Antiphon, first: int, clip: Clip, clips: Sequence[NumberedClip], *, can_duel: bool
) -> discord.ui.View:
    """Return the buttons for one take. can_duel: False where the bot cannot post by itself."""
    if len(clips) < 2:
        return clip_buttons(bot, clip)
    view = clip_buttons(bot, clip, KeepTakeButton(clip.id))
    if can_duel:
        view.add_item(DuelTakesSelect(first, clip.id, clips))
    return view


def takes_cancel_buttons(jobs: Sequence[Job]) -> discord.ui.View:
    """Return the buttons under takes that are not done: one each, and one for all that are left."""
    waiting = open_takes(jobs)
    every = [CancelTakesButton(jobs[0].id)] if len(waiting) > 1 else []
    return in_rows(
        *(CancelButton(job.id, tr("Cancel take {take}", take=job.take)) for job in waiting), *every
    )


async def _with_others(bot: Antiphon, clip: Clip) -> tuple[list[NumberedClip], list[Clip]]:
    """Return all takes of a clip's group, and those beside it. Raises UserError where there is none."""
    first = await bot.history.takes_of_clip(clip.id)
    clips = await bot.history.clips_of_takes(first) if first is not None else []
    others = [one for _, one in clips if one.id != clip.id]
    if not others:
        raise UserError("The other takes are already deleted, so this one is the only one left.")
    return clips, others


def _number(clips: Sequence[NumberedClip], clip: Clip) -> int:
    return next((take for take, one in clips if one.id == clip.id), 0)


def _listed(names: Sequence[str]) -> str:
    """Return “1, 3 and 4”."""
    return f" {tr('and')} ".join(filter(None, (", ".join(names[:-1]), names[-1])))
