"""Which of several takes: a select in a private answer to a menu that was used on their message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import discord

from bot.app import Antiphon
from bot.errors import NotFound
from bot.locale import tr
from bot.store.clips import Clip
from cogs.ui.answers import think
from cogs.ui.buttons import TAKES_SELECT, in_rows
from cogs.ui.gated_item import GatedItem

NumberedClip = tuple[int, Clip]
"""The number of a take, and its clip."""


class TakeChoice(GatedItem, template=r"never:matched"):
    """Chooses a take, for what begins with one clip. Subclasses have prefix, words and act."""

    prefix: ClassVar[str]
    placeholder: ClassVar[str]

    def __init_subclass__(cls, *, prefix: str) -> None:
        """Register the custom_id's pattern: the prefix, and the first take's job."""
        super().__init_subclass__(template=rf"{prefix}:(?P<first>\d+)")
        cls.prefix = prefix

    def __init__(self, first: int, clips: Sequence[NumberedClip] = ()) -> None:
        super().__init__(
            discord.ui.Select(
                custom_id=f"{self.prefix}:{first}",
                placeholder=tr(self.placeholder),
                options=[take_option(tr("Take {take}", take=take), clip) for take, clip in clips],
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the select again from a message of any age."""
        return cls(int(match["first"]))

    @classmethod
    async def offer(cls, interaction: discord.Interaction[Antiphon], first: int) -> None:
        """Ask in private for one of the takes that are left. Raises NotFound where none is."""
        await think(interaction, private=True)
        clips = await interaction.client.history.clips_of_takes(first)
        if not clips:
            raise NotFound("These takes were deleted.")
        await interaction.edit_original_response(view=in_rows(cls(first, clips)))

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Act on the chosen take."""
        [chosen] = self.item.values
        await self.chosen(interaction, await interaction.client.history.clip(int(chosen)))

    async def chosen(self, interaction: discord.Interaction[Antiphon], clip: Clip) -> None:
        """Act on a take; nothing was answered before."""
        raise NotImplementedError


def take_option(label: str, clip: Clip) -> discord.SelectOption:
    """Return a take as an option of a select."""
    return discord.SelectOption(
        label=label, value=str(clip.id), description=tr("Seed {seed}", seed=clip.recipe.seed)
    )


def takes_in(message: discord.Message) -> int | None:
    """Return the first job of the takes that a message of ours carries, or None."""
    for row in message.components:
        for child in row.children if isinstance(row, discord.ActionRow) else ():
            custom_id = child.custom_id if isinstance(child, discord.SelectMenu) else None
            if match := re.fullmatch(rf"{TAKES_SELECT}:(\d+)", custom_id or ""):
                return int(match[1])
    return None
