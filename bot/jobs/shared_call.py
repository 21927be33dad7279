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
    """

    def __init__(self, function: Callable[[], Awaitable[T]]) -> None:
        self._function = function
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
                calls = self._calls
                self._result = await self._function()
                self._answered = calls
            return self._result
