"""The run of a coroutine by the command line, above all the bot's, until it ends or a signal ends it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from bot.config import Settings

ENGINES = "bot.engines.registry"


def run_bot(settings: Settings, engines: str = ENGINES, clock: Callable[[], float] = time.time) -> None:
    """Run the bot on Discord with the token of the settings, until a signal ends it."""
    from bot.connection import run

    until_ended(run(settings, engines, clock))


def until_ended(main: Any) -> Any:
    """Run a coroutine; SIGTERM ends it as Ctrl-C does, in order."""

    async def supervised() -> Any:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()

        def end() -> None:
            # The process group and a parent such as make can each send one: a second would cut the
            # closing short.
            loop.remove_signal_handler(signal.SIGTERM)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            task.cancel()

        with suppress(NotImplementedError):  # Windows has no such handlers
            loop.add_signal_handler(signal.SIGTERM, end)
        return await main

    try:
        return asyncio.run(supervised())
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise SystemExit(0) from None
