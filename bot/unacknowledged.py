"""Which interactions wait for their acknowledgement, so that what is less urgent can wait for them."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Unacknowledged:
    """The interactions that were not acknowledged yet, by their ids. Discord gives each three seconds."""

    def __init__(self) -> None:
        self._ids: set[int] = set()
        self._none_left = asyncio.Event()
        self._none_left.set()

    def add(self, interaction_id: int) -> None:
        """Note an interaction that came in, until it is discarded or the running task ends."""
        self._ids.add(interaction_id)
        self._none_left.clear()
        if task := asyncio.current_task():
            task.add_done_callback(lambda _: self.discard(interaction_id))

    def discard(self, interaction_id: int) -> None:
        """Note that an interaction was acknowledged; once more does nothing."""
        self._ids.discard(interaction_id)
        if not self._ids:
            self._none_left.set()

    async def none_left(self, seconds: float) -> None:
        """Return once every interaction is acknowledged, after so many seconds at the latest."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._none_left.wait(), seconds)
