"""Queue position and ETA of each open job."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bot.jobs import eta
from bot.jobs.durations import Duration, expected_duration, learned_slowdown, slowed
from bot.jobs.outcomes import Outcome, Outcomes
from bot.jobs.shared_call import SharedCall
from bot.recipe import ModelRef, Recipe, Task
from bot.recipe.capabilities import Capabilities
from bot.store.clips import Clips, Pace
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


class Expected(NamedTuple):
    """What is expected of a clip: its duration alone, and its model's slots and slowdown as in `eta.Work`."""

    duration: Duration
    slots: int
    slowdown: float


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
        self._progress: dict[int, tuple[float, float]] = {}
        self._histories: dict[tuple[str, Task], tuple[list[Pace], float]] = {}
        self._expected: dict[tuple[str, Task, float], Expected] = {}
        self._outcomes: Outcomes | None = None
        # Each request and each edit of a progress message asks: hundreds in a busy second. A reading takes
        # the longer the longer the queue is, on the connection that every other command reads by.
        self._by_queue = SharedCall(self._read_queue, pause=READING_PAUSE)
        self._added: set[int] = set()
        self._store_added = SharedCall(self._store_expectations)

    def progress(self, job_id: int, fraction: float, concurrency: float) -> None:
        """Record how much of a running job is rendered, 0 to 1, and how many were at once on average."""
        self._progress[job_id] = (fraction, concurrency)

    def stopped(self, job_id: int) -> None:
        """Forget the progress of a job that runs no more."""
        self._progress.pop(job_id, None)

    def rendered(self, model: str) -> None:
        """Read the paces of a model's clips and its slots again, as it has a new one."""
        self._outcomes = None
        self._expected = {key: known for key, known in self._expected.items() if key[0] != model}
        self._histories = {key: known for key, known in self._histories.items() if key[0] != model}

    async def duration(self, recipe: Recipe) -> Duration:
        """Return how long a clip is expected to take from claim to delivery, with no other beside it."""
        return (await self._expectation(recipe)).duration

    async def _expectation(self, recipe: Recipe) -> Expected:
        key = (recipe.model, recipe.task, recipe.seconds)
        known = self._expected.get(key)
        if known is None:
            known = self._expected[key] = await self._learned(recipe)
        return known

    async def _learned(self, recipe: Recipe) -> Expected:
        """Return what the clips of a recipe's model and task tell of one so long.

        Only a loaded engine knows its slots, since they depend on the device: what the model's last clip
        recorded counts, and until one was made what the description says.
        """
        key = (recipe.model, recipe.task)
        if key not in self._histories:
            paces = await self._clips.paces(*key)
            self._histories[key] = paces, learned_slowdown(paces)
        history, slowdown = self._histories[key]
        engine = self._capabilities.get(recipe.model_ref)
        guess = eta.first_guess(recipe, engine.real_time_factor if engine else 1.0)
        described = engine.slots if engine else 1
        return Expected(
            expected_duration(history, recipe.seconds, guess, slowdown),
            await self._clips.slots(recipe.model) or described,
            slowdown,
        )

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
        running, waiting = await self._jobs.running(), await self._jobs.waiting()
        of_running = [await self._expectation(job.recipe) for job in running]
        of_waiting = [await self._expectation(job.recipe) for job in waiting]
        works = [
            eta.Work(job.recipe.model_ref, self._left(job, known), known.slots, known.slowdown, job.worker)
            for job, known in zip(running, of_running, strict=True)
        ]
        ahead = [
            eta.Work(job.recipe.model_ref, known.duration.seconds, known.slots, known.slowdown)
            for job, known in zip(waiting, of_waiting, strict=True)
        ]
        finished = eta.finish_times(works, ahead, self._workers)
        left: dict[int, Duration] = {}
        variance = 0.0
        for job, work, known, seconds in zip(running, works, of_running, finished, strict=False):
            # What is left of a range shrinks with what is left of the clip.
            share = min(work.seconds / known.duration.seconds, 1.0) * seconds / work.seconds
            width = share * known.duration.width
            variance += width**2
            left[job.id] = Duration(seconds, max(seconds - width, 0.0), seconds + width)
        open_jobs = len(running) + len(waiting)
        waiting_of: Counter[int] = Counter()
        found = []
        in_turn = zip(waiting, of_waiting, finished[len(running) :], strict=True)
        for next_job, known, seconds in in_turn:
            at_once = min(known.slots, open_jobs)
            own = (slowed(known.slowdown, at_once) * known.duration.width) ** 2
            # Independent durations add up by their variances; other workers and slots take their part of
            # those ahead.
            width = math.sqrt(own + variance / (self._workers * at_once) ** 2)
            ready = Duration(seconds, max(seconds - width, seconds / 4), seconds + width)
            found.append((next_job, ready, waiting_of[next_job.user_id]))
            waiting_of[next_job.user_id] += 1
            variance += own
        return left, found

    async def _known_outcomes(self) -> Outcomes:
        """Return what earlier estimates came to, read again once a clip was made."""
        if self._outcomes is None:
            outcomes = await self._jobs.expectations.outcomes()
            self._outcomes = Outcomes([Outcome(*one) for one in outcomes])
        return self._outcomes

    def _left(self, job: Job, known: Expected) -> float:
        """Return what is left of a running job, in seconds of a clip with no other beside it."""
        elapsed = max(self._clock() - (job.claimed_at or self._clock()), 0.0)
        fraction, concurrency = self._progress.get(job.id, (None, 1.0))
        alone = elapsed / slowed(known.slowdown, concurrency)
        return eta.remaining_seconds(known.duration.seconds, alone, fraction)
