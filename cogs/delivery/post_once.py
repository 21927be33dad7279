"""Posting a message with the bot's own token, once, as near as Discord allows.

Discord answers a nonce that it saw in the past few minutes with the message it already has. Where an earlier
attempt may lie further back, the channel is read first. The intention is recorded before the request leaves.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import discord

from bot.app import Antiphon
from cogs.delivery.refusals import Refused, Remedy, refusals
from cogs.delivery.respondable import Draft, Shown

NONCE_REMEMBERED = 60.0
"""Seconds for which Discord is trusted to know a nonce; its documentation says “the past few minutes”."""
MAX_READ_BACK = 300
"""Messages read from the newest one back; three requests."""
MAX_READ_ON = 100
"""Messages read from the time of the first attempt on."""


class PostOnce:
    """Posts messages. One instance is shared, because it knows which nonces this process used when."""

    def __init__(self, bot: Antiphon) -> None:
        self._bot = bot
        self._first_sent: dict[tuple[int, str], float] = {}

    async def post(
        self,
        channel: discord.abc.MessageableChannel,
        draft: Draft,
        *,
        nonce: str,
        intend: Callable[[], Awaitable[float | None]],
        after: int | None,
        is_it: Callable[[discord.Message], bool],
    ) -> Shown:
        """Post a draft, or return where an earlier attempt put it. Raises Refused.

        nonce: at most 25 characters, of its own for this message.
        intend: records the intention; returns when an earlier process or attempt first did so, else None.
        after: a snowflake that Discord made before any attempt, where the reading back ends.
        is_it: recognises the message in the channel.
        """
        # Recorded first: a process that is killed after the request leaves a trace, and the next one looks.
        recorded = await intend()
        # By channel too: a message that one refused is sent to another one, where an earlier process may have
        # got it through.
        key = (channel.id, nonce)
        if recorded is not None and not self._remembered(key):
            found = await self._find(channel, recorded, after, is_it)
            if found is not None:
                return _shown(found)
        # The first attempt counts, not the last: Discord forgets a nonce a while after it first saw it.
        self._first_sent.setdefault(key, time.monotonic())
        with refusals():
            message = await channel.send(**draft.for_post(), nonce=nonce)
        self._first_sent.pop(key, None)
        return _shown(message)

    def _remembered(self, key: tuple[int, str]) -> bool:
        """Tell whether every attempt with a nonce in a channel was made by this process, and shortly ago."""
        first = self._first_sent.get(key)
        return first is not None and time.monotonic() - first <= NONCE_REMEMBERED

    async def _find(
        self,
        channel: discord.abc.MessageableChannel,
        recorded: float,
        after: int | None,
        is_it: Callable[[discord.Message], bool],
    ) -> discord.Message | None:
        """Return the bot's own message that `is_it` recognises: among the newest, then near `recorded`."""
        # The second reading finds it in a busy channel, where the first one ends at MAX_READ_BACK newer
        # ones. It begins a little earlier, because this machine's clock may be ahead of Discord's.
        moment = datetime.fromtimestamp(recorded - NONCE_REMEMBERED, tz=UTC)
        by_clock = discord.Object(discord.utils.time_snowflake(moment))
        since = discord.Object(after) if after is not None else by_clock
        readings = (
            channel.history(after=since, limit=MAX_READ_BACK, oldest_first=False),
            channel.history(after=by_clock, limit=MAX_READ_ON, oldest_first=True),
        )
        with refusals():
            for reading in readings:
                async for message in reading:
                    if self._bot.wrote(message) and is_it(message):
                        return message
        return None


async def unarchive(bot: Antiphon, channel_id: int) -> bool:
    """Unarchive a thread; False where it is locked for the bot, or is no thread. Raises Refused."""
    try:
        with refusals():
            thread = await bot.fetch_channel(channel_id)
            if not isinstance(thread, discord.Thread):
                return False
            await thread.edit(archived=False)
    except Refused as refused:
        if refused.remedy in (Remedy.RETRY, Remedy.REVOKED):
            raise
        return False
    return True


def _shown(message: discord.Message) -> Shown:
    return Shown(message.id, message.channel.id, message.guild.id if message.guild else None)
