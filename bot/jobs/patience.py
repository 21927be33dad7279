"""How long a clip may take where the bot answers the interaction alone."""

from __future__ import annotations

from bot.errors import LimitReached
from bot.jobs import eta

PATIENCE_WITHOUT_POSTING = 14 * 60
"""Seconds. An interaction's token lives 15 minutes; where the bot cannot post without it, a clip that
is expected later than this is refused."""


def check_patience(seconds: float) -> None:
    """Raise LimitReached where a clip takes longer than an answer can wait without the right to post."""
    if seconds > PATIENCE_WITHOUT_POSTING:
        raise LimitReached(
            "The queue is too long for this place: your clip would take {time}, and Discord "
            "lets me answer here for 15 minutes only. Ask later, or in a server or private thread "
            "that I'm in.",
            time=eta.spoken(seconds),
        )
