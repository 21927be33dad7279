"""The base of every button and select: behind the gate, and every error is answered."""

from __future__ import annotations

from typing import Any, cast

import discord

from bot.app import Antiphon
from cogs.ui.answers import answer_error
from cogs.ui.gate import check


class GatedItem(discord.ui.DynamicItem[Any], template=r"never:matched"):
    """A component whose state is in its custom_id. Subclasses have its template, look and action."""

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Pass the gate, then act; every error is answered."""
        acting = cast("discord.Interaction[Antiphon]", interaction)
        try:
            check(acting)
            await self.press(acting)
        except Exception as error:
            await answer_error(interaction, error, f"component {self.custom_id}")

    async def press(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Act on a press or a choice."""
        raise NotImplementedError
