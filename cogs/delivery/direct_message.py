"""Direct messages: the outbox's last way, where no channel takes a message."""

from __future__ import annotations

import discord

from bot.app import Antiphon
from cogs.delivery.refusals import refusals


async def direct_channel(bot: Antiphon, user_id: int) -> discord.DMChannel:
    """Return the channel for direct messages to a member. Raises Refused where they do not take any."""
    with refusals():
        return await bot.create_dm(discord.Object(user_id))
