"""Discord's ids: milliseconds since 2015 in the upper 42 bits, a counter in the lower 22."""

from __future__ import annotations

from sandbox.clock import Clock

DISCORD_EPOCH_MS = 1_420_070_400_000
"""2015-01-01T00:00:00Z; source: Discord's API reference, "Snowflakes"."""


def timestamp(snowflake: int) -> float:
    """The Unix time in seconds at which `snowflake` was made."""
    return ((snowflake >> 22) + DISCORD_EPOCH_MS) / 1000


def made_at(seconds: float, counter: int = 0) -> int:
    """The id of something made at a Unix time in seconds, the `counter`-th of its millisecond."""
    return ((int(seconds * 1000) - DISCORD_EPOCH_MS) << 22) + counter


class Snowflakes:
    """Hands out ids that strictly rise, even when the clock stands still or a file from earlier is opened."""

    def __init__(self, clock: Clock, last: int = 0) -> None:
        self._clock = clock
        self._last = last

    def next(self) -> int:
        """A new id, larger than every one before."""
        self._last = max(self._last + 1, made_at(self._clock.now()))
        return self._last
