"""Persistent buttons: the id of their object is in the custom_id, its state in the database."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import discord

from bot.locale import tr
from cogs.ui.gated_item import GatedItem

CLIP_MORE = "clip:more"
CLIP_DETAILS = "clip:details"
"""Prefixes of custom_ids by which a message is recognised as a clip's: the first is under every clip, the
second was, before there was the first."""
TAKES_SELECT = "takes:choose"
"""The prefix of the select under several takes, by which their message is recognised."""


class IdButton(GatedItem, template=r"never:matched"):
    """A button about one numbered object. Subclasses have its prefix, its look and its action."""

    prefix: ClassVar[str]
    label: ClassVar[str]
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary
    emoji: ClassVar[str | None] = None

    def __init_subclass__(cls, *, prefix: str = "never") -> None:
        """Register the custom_id's pattern, prefix and number; a class without a prefix is abstract."""
        super().__init_subclass__(template=rf"{prefix}:(?P<number>\d+)")
        cls.prefix = prefix

    def __init__(self, number: int, label: str | None = None) -> None:
        self.number = number
        super().__init__(
            discord.ui.Button(
                label=label or tr(self.label),
                style=self.style,
                emoji=self.emoji,
                custom_id=f"{self.prefix}:{number}",
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Restore the button of a message of any age."""
        return cls(int(match["number"]))


def in_rows(*buttons: discord.ui.Item[Any]) -> discord.ui.View:
    """Return a way to send buttons, five a row."""
    view = discord.ui.View(timeout=None)
    for button in buttons:
        view.add_item(button)
    # The view is only a way to send the buttons; presses reach the classes above through their custom_ids.
    view.stop()
    return view


def as_rows(*rows: Sequence[discord.ui.Item[Any]]) -> discord.ui.View:
    """Return a way to send buttons in rows of at most five, as they are given; empty ones are left out."""
    buttons = []
    for number, row in enumerate(filter(None, rows)):
        for button in row:
            button.row = number
            buttons.append(button)
    return in_rows(*buttons)


def carries(message: discord.Message, custom_id: str) -> bool:
    """Tell whether a button or a select with this custom_id is under a message."""
    return any(
        isinstance(child, discord.Button | discord.SelectMenu) and child.custom_id == custom_id
        for row in message.components
        if isinstance(row, discord.ActionRow)
        for child in row.children
    )


def carries_clip(message: discord.Message, clip_id: int) -> bool:
    """Tell whether a message of ours is the one that carries this clip."""
    return clip_in(message) == clip_id


def clip_in(message: discord.Message) -> int | None:
    """Return the clip that a message of ours carries, or None."""
    for row in message.components:
        for child in row.children if isinstance(row, discord.ActionRow) else ():
            custom_id = child.custom_id if isinstance(child, discord.Button) else None
            if match := re.fullmatch(rf"(?:{CLIP_MORE}|{CLIP_DETAILS}):(\d+)", custom_id or ""):
                return int(match[1])
    return None
