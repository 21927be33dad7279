"""Retrying with growing delays, and with an end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.errors import StoreError
from cogs.delivery.refusals import Refused, Remedy

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0, 120.0, 300.0)
"""Delays between attempts; the last one repeats."""


async def with_backoff(attempt: Callable[[], Awaitable[T]], what: str) -> T:
    """Return what `attempt` returns, attempted again while Discord or the disk fails for a time.

    Raises Refused where Discord refuses for good, or for longer than the refusal's patience, measured from
    the first failure on this machine's monotonic clock. A disk that cannot be written is waited for without
    an end: nothing can be recorded meanwhile, a failure no more than a success.
    """
    failures = 0
    since = 0.0
    while True:
        try:
            return await attempt()
        except Refused as refused:
            now = time.monotonic()
            since = since or now
            if refused.remedy is not Remedy.RETRY or now - since > refused.refusal.patience:
                raise
            log.warning("%s waits: %s", what, refused)
        except StoreError as error:
            log.warning("%s waits: %s", what, error)
        await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
        failures += 1
