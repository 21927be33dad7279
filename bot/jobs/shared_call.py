"""One run of a query for all who ask at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedCall(Generic[T]):
    """An asynchronous function whose callers share a run that began after each of them called.

    So nobody is told of a state from before their call, and of a hundred calls at once two are run. A caller
    that is cancelled, or whose run fails, leaves the others to run it themselves.

    pause: seconds from the end of a run to the next one, so that calls in quick succession share one, too.
    """

    def __init__(self, function: Callable[[], Awaitable[T]], pause: float = 0.0) -> None:
        self._function = function
        self._pause = pause
        self._rested = 0.0
        """When the next run may begin, by the loop's clock."""
        self._lock = asyncio.Lock()
        self._calls = 0
        self._answered = 0
        """The calls that the last run began after."""

    async def __call__(self) -> T:
        """Return what a run that began after this call returned. Raises what the function raises."""
        self._calls += 1
        call = self._calls
        async with self._lock:
            if self._answered < call:
                time = asyncio.get_running_loop().time
                if (rest := self._rested - time()) > 0:
                    await asyncio.sleep(rest)
                calls = self._calls
                self._result = await self._function()
                self._answered = calls
                self._rested = time() + self._pause
            return self._result
