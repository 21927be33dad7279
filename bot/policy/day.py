"""The last day in figures: requests, waits, failures, real-time factors. Pure functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bot.hub.naming import model_name
from bot.store.day import DayRow
from bot.store.job_model import State

HOURS = 24
HOUR_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class Day:
    """24 hours up to now, in hours from the oldest.

    made, failed, other: requests by the hour in which they were made; other: cancelled or still open.
    waits: median seconds from request to claim, None without any.  factors: model's name → median real-time
    factor and number of clips.
    """

    made: list[int]
    failed: list[int]
    other: list[int]
    waits: list[float | None]
    factors: dict[str, tuple[float, int]]
    waiting: int
    running: int

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON's types."""
        return asdict(self)

    @property
    def lines(self) -> list[str]:
        """The figures in words, for those who do not see the picture."""
        made, failed = sum(self.made), sum(self.failed)
        ended = made + failed
        share = f" ({100 * failed / ended:.0f} %)" if failed else ""
        waits = [wait for wait in self.waits if wait is not None]
        lines = [
            f"{made} clip{'' if made == 1 else 's'} made, {failed} failed{share}, {self.waiting} waiting, "
            f"{self.running} rendering",
            f"waits by the hour: {median(waits):.0f} s in the median, {max(waits):.0f} s in the worst"
            if waits
            else "nothing waited",
        ]
        lines += [
            f"{name}: {factor:.2f} s of rendering a second of audio, in "
            f"{clips} clip{'' if clips == 1 else 's'}"
            for name, (factor, clips) in self.factors.items()
        ]
        return lines


def day_of(rows: Sequence[DayRow], now: float) -> Day:
    """Return the figures of the 24 hours before `now`; older requests are left out."""
    made, failed, other = [0] * HOURS, [0] * HOURS, [0] * HOURS
    waits: list[list[float]] = [[] for _ in range(HOURS)]
    factors: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        hour = HOURS - 1 - int((now - row.created_at) // HOUR_SECONDS)
        if not 0 <= hour < HOURS:
            continue
        if row.state in (State.RENDERED, State.DELIVERED):
            made[hour] += 1
        elif row.state is State.FAILED:
            failed[hour] += 1
        else:
            other[hour] += 1
        if row.claimed_at is not None:
            waits[hour].append(max(row.claimed_at - row.created_at, 0.0))
        if row.real_time_factor is not None:
            factors[model_name(row.model)].append(row.real_time_factor)
    return Day(
        made,
        failed,
        other,
        [median(one) if one else None for one in waits],
        {name: (median(found), len(found)) for name, found in sorted(factors.items())},
        sum(row.state is State.QUEUED for row in rows),
        sum(row.state is State.RUNNING for row in rows),
    )
