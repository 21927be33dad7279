"""Queue position and ETA of each open job."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bot.jobs import eta
from bot.jobs.durations import Duration, expected_duration
from bot.jobs.outcomes import Outcome, Outcomes
from bot.jobs.shared_call import SharedCall
from bot.recipe import ModelRef, Recipe, Task
from bot.recipe.capabilities import Capabilities
from bot.store.clips import Clips
from bot.store.job_model import Job, Waiting
from bot.store.jobs import Jobs

READING_PAUSE = 0.05
"""Seconds between two readings of the queue: nobody sees an estimate that is older by so much."""


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """The turn of an open job: `number` among `waiting` jobs (0 while it runs), seconds until delivery.

    low, high: the range of the seconds in four of five cases, by what such estimates came to so far.
    """

    number: int
    waiting: int
    seconds: float
    low: float
    high: float

    @property
    def spoken(self) -> str:
        """The time until delivery as people say it, as a range where that is wide."""
        return eta.spoken_range(self.seconds, self.low, self.high)


class Estimates:
    """Estimates from the progress of running jobs and the time that earlier clips took, by model and task.

    workers: how many jobs are rendered at once.
    """

    def __init__(
        self,
        jobs: Jobs,
        clips: Clips,
        capabilities: Mapping[ModelRef, Capabilities],
        workers: int,
        clock: Callable[[], float],
    ) -> None:
        self._jobs = jobs
        self._clips = clips
        self._capabilities = capabilities
        self._workers = workers
        self._clock = clock
        self._fractions: dict[int, float] = {}
        self._histories: dict[tuple[str, Task], list[tuple[float, float]]] = {}
        self._durations: dict[tuple[str, Task, float], Duration] = {}
        self._slots: dict[str, int] = {}
        self._outcomes: Outcomes | None = None
        # Each request and each edit of a progress message asks: hundreds in a busy second. A reading takes
        # the longer the longer the queue is, on the connection that every other command reads by.
        self._by_queue = SharedCall(self._read_queue, pause=READING_PAUSE)
        self._added: set[int] = set()
        self._store_added = SharedCall(self._store_expectations)

    def progress(self, job_id: int, fraction: float) -> None:
        """Record how much of a running job is rendered, 0 to 1."""
        self._fractions[job_id] = fraction

    def stopped(self, job_id: int) -> None:
        """Forget the progress of a job that runs no more."""
        self._fractions.pop(job_id, None)

    def rendered(self, model: str) -> None:
        """Read the durations of a model's clips and its slots again, as it has a new one."""
        self._slots.pop(model, None)
        self._outcomes = None
        self._durations = {key: known for key, known in self._durations.items() if key[0] != model}
        self._histories = {key: known for key, known in self._histories.items() if key[0] != model}

    async def duration(self, recipe: Recipe) -> Duration:
        """Return how long a clip is expected to take, from claim to delivery."""
        key = (recipe.model, recipe.task)
        known = self._durations.get((*key, recipe.seconds))
        if known is None:
            if key not in self._histories:
                self._histories[key] = await self._clips.durations(*key)
            engine = self._capabilities.get(recipe.model_ref)
            guess = eta.first_guess(recipe, engine.real_time_factor if engine else 1.0)
            known = expected_duration(self._histories[key], recipe.seconds, guess)
            self._durations[*key, recipe.seconds] = known
        return known

    async def slots(self, recipe: Recipe) -> int:
        """Return how many such clips a worker renders at once: what the model's last clip recorded.

        Only a loaded engine knows it, since it depends on the device. Until a clip was made, what the
        description says.
        """
        if recipe.model not in self._slots:
            engine = self._capabilities.get(recipe.model_ref)
            described = engine.slots if engine else 1
            self._slots[recipe.model] = await self._clips.slots(recipe.model) or described
        return self._slots[recipe.model]

    async def positions(self) -> dict[int, QueuePosition]:
        """Return the turn of every open job, in the order in which they will be done."""
        running, waiting = await self._by_queue()
        total = len(waiting)
        outcomes = await self._known_outcomes()
        positions = {
            job_id: QueuePosition(0, total, left.seconds, left.low, left.high)
            for job_id, left in running.items()
        }
        for job, expected, before in waiting:
            ready = outcomes.corrected(expected, before, newcomer=job.newcomer)
            positions[job.id] = QueuePosition(job.queue_position, total, ready.seconds, ready.low, ready.high)
        return positions

    async def expect(self, job_ids: Iterable[int]) -> None:
        """Store what the queue alone says about jobs that were just added, to learn from what comes of it."""
        self._added.update(job_ids)
        await self._store_added()

    async def _store_expectations(self) -> None:
        """Store the estimates of all jobs that were added since the last time, in one transaction."""
        added, self._added = self._added, set()
        _, waiting = await self._by_queue()
        await self._jobs.expectations.record(
            {job.id: (expected.seconds, before) for job, expected, before in waiting if job.id in added}
        )

    async def _read_queue(self) -> tuple[dict[int, Duration], list[tuple[Waiting, Duration, int]]]:
        """Return the seconds until delivery as if nobody asked later.

        Of running jobs by id; of waiting ones in their order, with how many of their member wait before.
        """
        left: dict[int, Duration] = {}
        works: list[eta.Work] = []
        variance = 0.0
        for job in await self._jobs.running():
            expected = await self.duration(job.recipe)
            seconds = self._left(job, expected.seconds)
            # What is left of a range shrinks with what is left of the clip.
            share = min(seconds / expected.seconds, 1.0)
            width = share * (expected.high - expected.low) / 2
            variance += width**2
            left[job.id] = Duration(seconds, max(seconds - width, 0.0), seconds + width)
            works.append(eta.Work(job.recipe.model_ref, seconds, await self.slots(job.recipe), job.worker))
        waiting = await self._jobs.waiting()
        durations = [await self.duration(job.recipe) for job in waiting]
        ahead = [
            eta.Work(job.recipe.model_ref, duration.seconds, await self.slots(job.recipe))
            for job, duration in zip(waiting, durations, strict=True)
        ]
        finished = eta.finish_times(works, ahead, self._workers)
        waiting_of: Counter[int] = Counter()
        found = []
        for next_job, work, duration, seconds in zip(waiting, ahead, durations, finished, strict=True):
            own = ((duration.high - duration.low) / 2) ** 2
            # Independent durations add up by their variances; other workers and slots take their part of
            # those ahead.
            width = math.sqrt(own + variance / (self._workers * work.slots) ** 2)
            expected = Duration(seconds, max(seconds - width, seconds / 4), seconds + width)
            found.append((next_job, expected, waiting_of[next_job.user_id]))
            waiting_of[next_job.user_id] += 1
            variance += own
        return left, found

    async def _known_outcomes(self) -> Outcomes:
        """Return what earlier estimates came to, read again once a clip was made."""
        if self._outcomes is None:
            outcomes = await self._jobs.expectations.outcomes()
            self._outcomes = Outcomes([Outcome(*one) for one in outcomes])
        return self._outcomes

    def _left(self, job: Job, expected: float) -> float:
        elapsed = self._clock() - (job.claimed_at or self._clock())
        return eta.remaining_seconds(expected, max(elapsed, 0.0), self._fractions.get(job.id))
