"""The interface of one worker, whatever the transport to it, and the restarts after its death."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from bot.executor.protocol import Render, Rendered, Up

_BACKOFF_SECONDS = (0.0, 1.0, 5.0, 15.0, 60.0)


@dataclass(frozen=True, slots=True)
class Died:
    """A worker process ended with its open jobs, and a new one starts. reason: in words for the member."""

    reason: str


class WorkerLink(Protocol):
    """One worker and the transport to it: a child process over pipes, or an actor of a Ray cluster."""

    @property
    def sent(self) -> int:
        """The number of Renders sent to this worker process; a Ready that acked fewer is out of date."""

    @property
    def pid(self) -> int | None:
        """The process id while the worker lives on this machine, else None."""

    def events(self) -> AsyncGenerator[Up | Died, None]:
        """Start a worker and yield its messages; after Died, start the next. Ends after close()."""

    async def render(self, render: Render) -> None:
        """Send the worker a job. If the worker is dying, Died follows, after which the job is requeued."""

    async def cancel(self, job_id: int) -> None:
        """Tell the worker to drop a job."""

    async def close(self) -> None:
        """End the worker, by force if it does not end on its own."""


async def restarted(
    run: Callable[[], AsyncGenerator[Up | Died, None]], closing: asyncio.Event
) -> AsyncGenerator[Up | Died, None]:
    """Yield the messages of `run()`, one worker's whole life, and start the next until `closing` is set.

    The pause before a start grows with the number of starts without a finished clip.
    """
    failures = 0
    while not closing.is_set():
        began = time.monotonic()
        async with aclosing(run()) as events:
            async for event in events:
                if isinstance(event, Rendered):
                    failures = 0
                yield event
        if closing.is_set():
            return
        if time.monotonic() - began > _BACKOFF_SECONDS[-1]:
            failures = 0
        pause = _BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await closing.wait()
        failures += 1
