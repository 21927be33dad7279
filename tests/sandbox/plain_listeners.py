"""Events that the plain bot prints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from discord.ext import commands

SAYS: dict[str, Callable[..., str]] = {
    "ready": lambda: "ready",
    "resumed": lambda: "resumed",
    "shard_resumed": lambda shard: f"shard {shard} resumed",
    "raw_message_delete": lambda event: f"deleted {event.message_id}",
    "raw_bulk_message_delete": lambda event: f"deleted in bulk {sorted(event.message_ids)}",
    "raw_reaction_add": lambda event: f"{event.user_id} added {event.emoji} in guild {event.guild_id}",
    "raw_reaction_remove": lambda event: f"{event.user_id} took {event.emoji} back",
    "raw_reaction_clear": lambda event: f"reactions to {event.message_id} cleared",
    "raw_reaction_clear_emoji": lambda event: f"{event.emoji} cleared",
    "thread_create": lambda thread: f"thread {thread.name} in {thread.parent}",
    "thread_join": lambda thread: f"joined {thread.name} {thread.me is not None}",
    "thread_update": lambda _, after: f"{after.name} archived {after.archived} locked {after.locked}",
    "raw_thread_delete": lambda event: f"thread {event.thread_id} deleted",
    "guild_channel_delete": lambda channel: f"{channel.name} deleted",
    "guild_remove": lambda guild: f"left {guild.name}",
    "guild_join": lambda guild: f"joined {guild.name}",
}
"""Event → the words for what the library hands over."""


def listen(bot: commands.Bot | commands.AutoShardedBot) -> None:
    """Let the bot print every event of the table."""

    def listener(words: Callable[..., str]) -> Any:
        async def heard(*what: Any) -> None:
            print(words(*what), flush=True)

        return heard

    for event, words in SAYS.items():
        bot.add_listener(listener(words), f"on_{event}")
