"""The sandbox's only source of time, which a test can turn.

Acknowledgement deadlines, interaction tokens, attachment expiry, nonce windows, rate limits and ids all ask
one `Clock`. Only the liveness of a socket (heartbeats) is measured in real time, because its other end is.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime


class Timer:
    """A callback the clock will run once, unless it is cancelled first."""

    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Forget the callback; harmless when it already ran."""
        self.callback = None


class Clock:
    """Unix time in seconds that runs with the machine's, can be turned forward, and can stand still.

    `paused_at` (Unix seconds) makes a clock that moves only through `advance`.
    """

    def __init__(self, *, paused_at: float | None = None) -> None:
        self._paused_at = paused_at
        self._offset = 0.0
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._alarm: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """Seconds since 1970, in UTC."""
        return (time.time() if self._paused_at is None else self._paused_at) + self._offset

    def iso(self, at: float | None = None) -> str:
        """`at` (default: now) as Discord writes times: ISO 8601 with microseconds and a UTC offset."""
        return datetime.fromtimestamp(self.now() if at is None else at, UTC).isoformat(
            timespec="microseconds"
        )

    def advance(self, seconds: float) -> None:
        """Turn the clock forward by `seconds` ≥ 0, running every timer on the way in its order."""
        if seconds < 0:
            raise ValueError("A clock turns forward only.")
        target = self._offset + seconds
        while self._timers and self._timers[0][0] <= self.now() + (target - self._offset):
            self._offset = min(target, self._offset + max(0.0, self._timers[0][0] - self.now()))
            self._fire(heapq.heappop(self._timers)[2])
        self._offset = target
        self._arm()

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Run `callback` once `delay` seconds have passed on this clock."""
        timer = Timer(self.now() + delay, callback)
        heapq.heappush(self._timers, (timer.due, next(self._order), timer))
        self._arm()
        return timer

    async def sleep(self, delay: float) -> None:
        """Return once `delay` seconds have passed on this clock."""
        woken = asyncio.get_running_loop().create_future()
        timer = self.call_later(delay, lambda: None if woken.done() else woken.set_result(None))
        try:
            await woken
        finally:
            timer.cancel()

    def stop(self) -> None:
        """Drop every timer; the clock goes on telling the time."""
        self._timers.clear()
        self._arm()

    def _arm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if self._timers and self._paused_at is None:
            delay = max(0.0, self._timers[0][0] - self.now())
            self._alarm = asyncio.get_running_loop().call_later(delay, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        while self._timers and self._timers[0][0] <= self.now():
            self._fire(heapq.heappop(self._timers)[2])
        self._arm()

    @staticmethod
    def _fire(timer: Timer) -> None:
        callback, timer.callback = timer.callback, None
        if callback is not None:
            callback()
