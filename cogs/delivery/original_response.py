"""The answer to a command or button, which first shows progress and then the clip."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, cast
from weakref import WeakValueDictionary

import discord

from bot.app import Antiphon

UNKNOWN_MESSAGE = 10008
UNKNOWN_WEBHOOK = 10015
INVALID_WEBHOOK_TOKEN = 50027
TOO_LARGE = 40005
ORIGINAL_GONE = frozenset({UNKNOWN_MESSAGE, UNKNOWN_WEBHOOK, INVALID_WEBHOOK_TOKEN})
"""Discord's codes for: the answer was deleted; the interaction is unknown; its 15 minutes are over."""


class Asked(Protocol):
    """Something that was asked for with a command or button: a job, or a duel."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def application_id(self) -> int:
        """The bot's own id."""

    @property
    def interaction_token(self) -> str | None:
        """The right to edit the answer, until it is erased."""


class Originals:
    """Edits the answers of jobs, one edit at a time for each job: a late progress never covers a clip."""

    def __init__(self, bot: Antiphon) -> None:
        self._bot = bot
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    def lock(self, job_id: int) -> asyncio.Lock:
        """Return the lock to hold from looking at the job's state until its answer is edited."""
        lock = self._locks.get(job_id)
        if lock is None:
            lock = self._locks[job_id] = asyncio.Lock()
        return lock

    @staticmethod
    def alive(asked: Asked) -> bool:
        """Tell whether the answer can still be edited by its token, as far as Discord has said."""
        return asked.interaction_token is not None

    async def edit(self, asked: Asked, **message: Any) -> discord.WebhookMessage:
        """Edit the answer. Raises discord.HTTPException, or the network's errors."""
        if asked.interaction_token is None:
            raise ValueError(f"number {asked.id} has no token any more")
        webhook = discord.Webhook.partial(asked.application_id, asked.interaction_token, client=self._bot)
        # The typed parameter is a message id; Discord's route takes this word for the answer itself.
        return await webhook.edit_message(cast(int, "@original"), **message)


def is_unauthorized(error: discord.HTTPException) -> bool:
    """Tell whether Discord no longer accepts the bot's own token."""
    return error.status == 401 and error.code != INVALID_WEBHOOK_TOKEN
