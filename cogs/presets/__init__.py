"""Presets: /preset and /reports, the context menus, and the buttons and forms that go with them."""

from __future__ import annotations

from bot.app import Antiphon
from cogs.presets.cog import PresetCog


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(PresetCog(bot))
