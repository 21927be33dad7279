"""One loop over what a store has going, such as series of duels or comparisons, which are few.

All state is in the database, so whatever is going goes on after a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Generic, Protocol, TypeVar

log = logging.getLogger(__name__)


class Stored(Protocol):
    """A row of the store."""

    @property
    def id(self) -> int:
        """Its number."""


T = TypeVar("T", bound=Stored)


class StoredLoop(Generic[T]):
    """Takes each item's next step in a task of its own, so that none waits for another.

    name: of an item, for the log.  going: reads the items that have something to do.  step: takes one's next
    step; what it raises is logged, and it is tried again.  seconds: until the loop looks unasked.
    """

    def __init__(
        self,
        name: str,
        going: Callable[[], Awaitable[Sequence[T]]],
        step: Callable[[T], Coroutine[Any, Any, None]],
        seconds: float,
    ) -> None:
        self._name = name
        self._going = going
        self._step = step
        self._seconds = seconds
        self._wake = asyncio.Event()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._loop: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Have the loop look now."""
        self._wake.set()

    def start(self, ready: Callable[[], Awaitable[None]]) -> None:
        """Begin to look, once `ready` returns."""
        self._loop = asyncio.create_task(self._run(ready), name=f"{self._name} loop")

    async def close(self) -> None:
        """Cancel the tasks; the next start resumes from the database."""
        tasks = [*([self._loop] if self._loop else []), *self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, ready: Callable[[], Awaitable[None]]) -> None:
        await ready()
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._seconds)
            self._wake.clear()
            try:
                for item in await self._going():
                    if item.id not in self._tasks:
                        taken = self._take(item)
                        self._tasks[item.id] = asyncio.create_task(taken, name=f"{self._name}-{item.id}")
            except Exception:
                log.exception("nothing of %s could be looked at; it is in a while", self._name)

    async def _take(self, item: T) -> None:
        try:
            await self._step(item)
        except Exception:
            log.exception("%s %d broke; it is tried again in a while", self._name, item.id)
        finally:
            self._tasks.pop(item.id, None)
