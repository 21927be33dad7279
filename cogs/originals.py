"""The answer to a command or button, which first shows progress and then the clip."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast
from weakref import WeakValueDictionary

import aiohttp
import discord

from bot.app import Antiphon
from bot.store.jobs import Job

UNKNOWN_MESSAGE = 10008
UNKNOWN_WEBHOOK = 10015
INVALID_WEBHOOK_TOKEN = 50027
TOO_LARGE = 40005
ORIGINAL_GONE = frozenset({UNKNOWN_MESSAGE, UNKNOWN_WEBHOOK, INVALID_WEBHOOK_TOKEN})
"""Discord's codes for: the answer was deleted; the interaction is unknown; its 15 minutes are over."""

NETWORK_ERRORS = (aiohttp.ClientError, OSError, TimeoutError, discord.DiscordServerError, discord.RateLimited)
"""What passes by itself, so that trying again is right."""


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
    def alive(job: Job) -> bool:
        """Tell whether the job's answer can still be edited, as far as this machine's clock knows."""
        return job.interaction_token is not None and time.time() < job.token_expires_at

    async def edit(self, job: Job, **message: Any) -> discord.WebhookMessage:
        """Edit the answer. Raises discord.HTTPException, or the network's errors."""
        if job.interaction_token is None:
            raise ValueError(f"job {job.id} has no token any more")
        webhook = discord.Webhook.partial(job.application_id, job.interaction_token, client=self._bot)
        # The typed parameter is a message id; Discord's route takes this word for the answer itself.
        return await webhook.edit_message(cast(int, "@original"), **message)


def is_unauthorized(error: discord.HTTPException) -> bool:
    """Tell whether Discord no longer accepts the bot's own token."""
    return error.status == 401 and error.code != INVALID_WEBHOOK_TOKEN
