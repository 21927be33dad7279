"""The base of cogs whose buttons and forms outlive a restart."""

from __future__ import annotations

from typing import Any, ClassVar

import discord
from discord.ext import commands

from bot.app import Antiphon
from cogs.ui.forms import Form


class PersistentCog(commands.Cog):
    """Registers buttons and selects (`items`), and names the `forms` that cogs/gate.py passes submissions to.

    Both work after a restart too.
    """

    items: ClassVar[tuple[type[discord.ui.DynamicItem[Any]], ...]] = ()
    forms: ClassVar[tuple[type[Form], ...]] = ()

    def __init__(self, bot: Antiphon) -> None:
        self.bot = bot
        super().__init__()

    async def cog_load(self) -> None:
        """Register the items."""
        self.bot.add_dynamic_items(*self.items)

    async def cog_unload(self) -> None:
        """Unregister them."""
        self.bot.remove_dynamic_items(*self.items)
