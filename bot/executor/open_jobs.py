"""The jobs that an engine has taken, and how many it renders at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.executor.protocol import Render


@dataclass(frozen=True, slots=True)
class _Begun:
    """A taken job: when, and the job-seconds that had been spent until then."""

    render: Render
    at: float
    spent: float


class OpenJobs:
    """Jobs from being taken until they are finished, failed, dropped or given back.

    Written by the engine's thread alone. clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun: dict[int, _Begun] = {}
        self._spent = 0.0
        self._counted_at = clock()

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._begun

    def __len__(self) -> int:
        return len(self._begun)

    def renders(self) -> list[Render]:
        """Return the taken jobs, the first one first; from any thread."""
        return [begun.render for begun in list(self._begun.values())]

    def begin(self, render: Render) -> None:
        """Record that the engine takes a job now."""
        now = self._count()
        self._begun[render.job_id] = _Begun(render, now, self._spent)

    def end(self, job_id: int) -> Render | None:
        """Forget a job and return it, or None where it is not open."""
        self._count()
        begun = self._begun.pop(job_id, None)
        return begun.render if begun else None

    def __getitem__(self, job_id: int) -> Render:
        return self._begun[job_id].render

    def seconds(self, job_id: int) -> float:
        """Return for how long a job has been open."""
        return self._clock() - self._begun[job_id].at

    def concurrency(self, job_id: int) -> float:
        """Return how many jobs were open on average while this one was, itself included: 1 or more."""
        now, begun = self._count(), self._begun[job_id]
        elapsed = now - begun.at
        return (self._spent - begun.spent) / elapsed if elapsed > 0 else float(len(self._begun))

    def _count(self) -> float:
        """Add the job-seconds since the last call; return the time."""
        now = self._clock()
        self._spent += len(self._begun) * (now - self._counted_at)
        self._counted_at = now
        return now
