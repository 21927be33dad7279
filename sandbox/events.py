"""A gateway event, the intent it needs, and the sessions that receive it."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.model import Json


class Intent(enum.IntFlag):
    """Gateway intents; source: Discord's "Gateway Intents"."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15


@dataclass(frozen=True)
class Outgoing:
    """One event, the intent it needs (0 for none), and the guild whose shard has it (None for shard 0)."""

    name: str
    body: Json
    intent: int = 0
    guild_id: int | None = None
    without_content: Callable[[], Json] | None = field(default=None, compare=False)
    """The body for sessions that lack the message content intent."""

    def reaches(self, shard: tuple[int, int], intents: int) -> bool:
        """Whether a session of this shard and these intents receives it."""
        home = 0 if self.guild_id is None else (self.guild_id >> 22) % shard[1]
        return home == shard[0] and (not self.intent or bool(intents & self.intent))

    def data(self, intents: int) -> Any:
        """Return the event as a session with these intents gets it."""
        if self.without_content is not None and not intents & Intent.MESSAGE_CONTENT:
            return self.without_content()
        return self.body
