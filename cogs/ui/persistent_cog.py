"""The base of cogs whose buttons and forms outlive a restart."""

from __future__ import annotations

from typing import Any, ClassVar

import discord
from discord.ext import commands

from bot.app import Antiphon
from cogs.ui.forms import Form, handle_submission


class PersistentCog(commands.Cog):
    """Registers buttons and selects (`items`) and `forms`, which then work after a restart too."""

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

    @commands.Cog.listener()
    async def on_interaction(self, interaction: discord.Interaction[Antiphon]) -> None:
        """Handle submitted forms."""
        await handle_submission(interaction, self.forms)
