"""The interface of one worker, whatever the transport to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from bot.executor.protocol import Render, Up


@dataclass(frozen=True, slots=True)
class Died:
    """A worker process ended with its open jobs, and a new one starts. reason: in words for the member."""

    reason: str


class WorkerLink(Protocol):
    """One worker and the transport to it: a child process over pipes, or an actor of a Ray cluster."""

    @property
    def sent(self) -> int:
        """The number of Renders sent to this worker process; a Ready that acked fewer is out of date."""

    def events(self) -> AsyncGenerator[Up | Died, None]:
        """Start a worker and yield its messages; after Died, start the next. Ends after close()."""

    async def render(self, render: Render) -> None:
        """Send the worker a job. If the worker is dying, Died follows, after which the job is requeued."""

    async def cancel(self, job_id: int) -> None:
        """Tell the worker to drop a job."""

    async def close(self) -> None:
        """End the worker, by force if it does not end on its own."""
