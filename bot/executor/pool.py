"""Several workers behind one interface: their messages in one stream, each job routed to its worker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from bot.executor.link import Died, WorkerLink
from bot.executor.protocol import Failed, Render, Rendered, Up


@dataclass(frozen=True, slots=True)
class WorkerEvent:
    """A message of the worker with this number, from 0, or its death."""

    worker: int
    event: Up | Died


class WorkerPool:
    """The workers of a bot, numbered from 0. A dead worker costs its own jobs only."""

    def __init__(self, links: Sequence[WorkerLink]) -> None:
        self.links = tuple(links)
        self._worker_of: dict[int, int] = {}
        self.deaths = [0] * len(self.links)
        """How many processes of each worker died."""

    def __len__(self) -> int:
        return len(self.links)

    @property
    def pids(self) -> list[int | None]:
        """The process id of each worker on this machine, None without one."""
        return [link.pid for link in self.links]

    def sent(self, worker: int) -> int:
        """Return the number of Renders sent to this worker's current process."""
        return self.links[worker].sent

    async def events(self) -> AsyncGenerator[WorkerEvent, None]:
        """Run all workers and yield their messages in the order of arrival. Ends after close()."""
        merged: asyncio.Queue[WorkerEvent | None] = asyncio.Queue()

        async def forward(worker: int, link: WorkerLink) -> None:
            async with aclosing(link.events()) as events:
                async for event in events:
                    merged.put_nowait(WorkerEvent(worker, event))

        async def forward_all() -> None:
            try:
                async with asyncio.TaskGroup() as group:
                    for worker, link in enumerate(self.links):
                        group.create_task(forward(worker, link))
            finally:
                merged.put_nowait(None)

        forwarding = asyncio.create_task(forward_all())
        try:
            while (event := await merged.get()) is not None:
                self._release(event)
                yield event
            await forwarding
        finally:
            forwarding.cancel()
            await asyncio.gather(forwarding, return_exceptions=True)

    async def render(self, worker: int, render: Render) -> None:
        """Send a job to one worker."""
        self._worker_of[render.job_id] = worker
        await self.links[worker].render(render)

    async def cancel(self, job_id: int) -> None:
        """Tell the worker that has this job, if any, to drop it."""
        worker = self._worker_of.pop(job_id, None)
        if worker is not None:
            await self.links[worker].cancel(job_id)

    def kill(self) -> int:
        """End the worker processes on this machine, which start anew; return their number."""
        found = [pid for pid in self.pids if pid is not None]
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        return len(found)

    async def close(self) -> None:
        """End all workers at once."""
        await asyncio.gather(*(link.close() for link in self.links))

    def _release(self, message: WorkerEvent) -> None:
        match message.event:
            case Rendered(job_id=job_id) | Failed(job_id=job_id):
                self._worker_of.pop(job_id, None)
            case Died():
                self.deaths[message.worker] += 1
                self._worker_of = {
                    job_id: worker for job_id, worker in self._worker_of.items() if worker != message.worker
                }
