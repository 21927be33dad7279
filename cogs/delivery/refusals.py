"""Discord's refusals, and the table of the outbox's remedies.

Source of the codes: Discord's “JSON Error Codes”, https://discord.com/developers/docs/topics/opcodes-and-status-codes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto

import discord

from bot.errors import BLOCKED_WORDS
from cogs.ui.discord_errors import NETWORK_ERRORS


class Remedy(Enum):
    """The outbox's reaction to a refusal."""

    RETRY = auto()
    """The same request again, after a growing delay, for at most `Refusal.patience` seconds."""
    TOKEN_OVER = auto()
    """The interaction's token is dead: erase it and go on with the bot's own."""
    UNARCHIVE = auto()
    """The thread is archived or locked: unarchive it and try once more, otherwise elsewhere."""
    SMALLER = auto()
    """Encode the clip again for a smaller limit, and remember the limit of the place."""
    WITHOUT_WORDS = auto()
    """The server's AutoMod blocks what the member typed: send it without those words."""
    WITHDRAWN = auto()
    """Somebody deleted the message: no ping, no second message."""
    ELSEWHERE = auto()
    """This way is closed for good: take the next one, in the end a direct message."""
    GIVE_UP = auto()
    """No other way would be taken either: end with a reason."""
    REVOKED = auto()
    """Discord no longer accepts the bot's own token."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row of the table.

    reason: for the member, in English.  patience: seconds of retrying, 0 where there is none.
    """

    remedy: Remedy
    reason: str = ""
    patience: float = 0.0


HOUR = 3600.0
AWAY = Refusal(Remedy.RETRY, "Discord could not be reached for a long time.", 24 * HOUR)
SLOWED = Refusal(Remedy.RETRY, "Discord limits how often I can write there.", 2 * HOUR)
TOO_LARGE = Refusal(Remedy.SMALLER, "The clip is too large for this place.")
REVOKED = Refusal(Remedy.REVOKED)
TOKEN_OVER = Refusal(Remedy.TOKEN_OVER, "The 15 minutes that Discord gives for an answer are over.")
_NO_PERMISSION = Refusal(Remedy.ELSEWHERE, "I'm not allowed to post in that channel.")
_GONE = Refusal(Remedy.ELSEWHERE, "That channel is gone, or I'm no longer in it.")
_CLOSED = Refusal(Remedy.UNARCHIVE, "That thread is locked.")
_BLOCKED = Refusal(Remedy.WITHOUT_WORDS, BLOCKED_WORDS)
_NO_MESSAGES = Refusal(Remedy.GIVE_UP, "I can't send you direct messages.")

TABLE: dict[int, Refusal] = {
    10003: _GONE,  # Unknown channel
    10004: _GONE,  # Unknown guild
    10008: Refusal(Remedy.WITHDRAWN, "Its message was deleted."),  # Unknown message
    10013: _NO_MESSAGES,  # Unknown user
    10015: TOKEN_OVER,  # Unknown webhook
    10062: TOKEN_OVER,  # Unknown interaction
    20016: SLOWED,  # Slow mode
    20028: SLOWED,  # Channel write rate limit
    20029: SLOWED,  # Server write rate limit
    30046: SLOWED,  # Edits of messages older than an hour
    40003: SLOWED,  # Direct messages opened too fast
    40004: SLOWED,  # Sending is temporarily disabled
    40005: TOO_LARGE,  # Request entity too large
    40062: SLOWED,  # Resource is being rate limited
    50001: _GONE,  # Missing access
    50005: _NO_PERMISSION,  # Message of another author
    50007: _NO_MESSAGES,  # Cannot send messages to this user
    50008: _NO_PERMISSION,  # Non-text channel
    50009: _NO_PERMISSION,  # Channel verification level
    50013: _NO_PERMISSION,  # Missing permissions
    50024: _NO_PERMISSION,  # Not on this type of channel
    50027: TOKEN_OVER,  # Invalid webhook token
    50083: _CLOSED,  # Archived thread
    50278: _NO_MESSAGES,  # No server in common
    130000: AWAY,  # API resource is overloaded
    160005: _CLOSED,  # Thread is locked
    200000: _BLOCKED,  # AutoMod blocked the message
    200001: _BLOCKED,  # AutoMod blocked the title
    240000: _BLOCKED,  # Harmful links filter
}


def refusal_of(error: BaseException, *, webhook: bool = False) -> Refusal:
    """Return the row for an error that a request to Discord raised.

    webhook: whether the route was authorised by the interaction's token. Such a route carries no bot token,
    so a 401 there says nothing about the bot's.
    """
    if not isinstance(error, discord.HTTPException):
        return AWAY
    if known := TABLE.get(error.code):
        return known
    if error.status == 413:
        return TOO_LARGE
    if error.status == 429:
        return SLOWED
    if error.status >= 500:
        return AWAY
    if error.status == 401:
        return TOKEN_OVER if webhook else REVOKED
    if error.status == 403:
        return _NO_PERMISSION
    if error.status == 404:
        return _GONE
    return Refusal(Remedy.GIVE_UP, f"Discord refused it ({error.status}, code {error.code}).")


TOKEN_REVOKED = (
    "Discord no longer accepts DISCORD_TOKEN: make a new one in the developer portal (Bot → Reset Token), "
    "put it into .env and start again. The clips that wait are kept."
)
"""The error with which the process ends after Remedy.REVOKED."""

UNREACHABLE = Refusal(Remedy.ELSEWHERE, "Its answer can no longer be reached.")


class Refused(Exception):
    """A request that Discord refused, or that did not get through."""

    def __init__(self, refusal: Refusal, cause: BaseException | None = None) -> None:
        super().__init__(f"{refusal.remedy.name.lower()}: {cause or refusal.reason}")
        self.refusal = refusal

    @property
    def remedy(self) -> Remedy:
        """What to do about it."""
        return self.refusal.remedy


@contextmanager
def refusals(*, webhook: bool = False) -> Iterator[None]:
    """Turn the errors of requests to Discord into Refused; `webhook` as for refusal_of."""
    try:
        yield
    except (discord.HTTPException, *NETWORK_ERRORS) as error:
        raise Refused(refusal_of(error, webhook=webhook), error) from error
