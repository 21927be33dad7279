"""Queue position and ETA of each open job."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.jobs import eta
from bot.jobs.durations import Duration, expected_duration
from bot.jobs.overtaking import Claimed, Overtaking
from bot.recipe import ModelRef, Recipe, Task
from bot.recipe.capabilities import Capabilities
from bot.store.clips import Clips
from bot.store.job_model import Job
from bot.store.jobs import Jobs


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """The turn of an open job: `number` among `waiting` jobs (0 while it runs), seconds until delivery.

    low, high: the range of the seconds in four of five cases, later requests that come before included.
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
        self._slots: dict[str, int] = {}
        self._overtaking: dict[int, Overtaking] = {}

    def progress(self, job_id: int, fraction: float) -> None:
        """Record how much of a running job is rendered, 0 to 1."""
        self._fractions[job_id] = fraction

    def stopped(self, job_id: int) -> None:
        """Forget the progress of a job that runs no more."""
        self._fractions.pop(job_id, None)

    def rendered(self, model: str) -> None:
        """Read the durations of a model's clips and its slots again, as it has a new one."""
        self._slots.pop(model, None)
        self._overtaking.clear()
        self._histories = {key: known for key, known in self._histories.items() if key[0] != model}

    async def duration(self, recipe: Recipe) -> Duration:
        """Return how long a clip is expected to take, from claim to delivery."""
        key = (recipe.model, recipe.task)
        if key not in self._histories:
            self._histories[key] = await self._clips.durations(*key)
        engine = self._capabilities.get(recipe.model_ref)
        guess = eta.first_guess(recipe, engine.real_time_factor if engine else 1.0)
        return expected_duration(self._histories[key], recipe.seconds, guess)

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
        running, waiting = await self._jobs.running(), await self._jobs.waiting()
        positions: dict[int, QueuePosition] = {}
        works: list[eta.Work] = []
        variance = 0.0
        for job in running:
            expected = await self.duration(job.recipe)
            left = self._left(job, expected.seconds)
            # What is left of a range shrinks with what is left of the clip.
            share = min(left / expected.seconds, 1.0)
            width = share * (expected.high - expected.low) / 2
            variance += width**2
            positions[job.id] = QueuePosition(0, len(waiting), left, max(left - width, 0.0), left + width)
            works.append(eta.Work(job.recipe.model_ref, left, await self.slots(job.recipe), job.worker))
        durations = [await self.duration(job.recipe) for job in waiting]
        ahead = [
            eta.Work(job.recipe.model_ref, duration.seconds, await self.slots(job.recipe))
            for job, duration in zip(waiting, durations, strict=True)
        ]
        finished = eta.finish_times(works, ahead, self._workers)
        overtaking = await self._overtaken(
            self._workers * max((work.slots for work in works + ahead), default=1)
        )
        waiting_of: Counter[int] = Counter()
        for next_job, work, duration, seconds in zip(waiting, ahead, durations, finished, strict=True):
            own = ((duration.high - duration.low) / 2) ** 2
            # Independent durations add up by their variances; other workers and slots take their part of
            # those ahead.
            width = math.sqrt(own + variance / (self._workers * work.slots) ** 2)
            known = seconds - duration.seconds
            wait = overtaking.wait(known, waiting_of[next_job.user_id], newcomer=next_job.newcomer)
            waiting_of[next_job.user_id] += 1
            ready = wait.seconds + duration.seconds
            low = max(ready - math.hypot(width, wait.seconds - wait.low), ready / 4)
            high = ready + math.hypot(width, wait.high - wait.seconds)
            number = next_job.queue_position
            positions[next_job.id] = QueuePosition(number, len(waiting), ready, low, high)
            variance += own
        return positions

    async def _overtaken(self, parallel: int) -> Overtaking:
        """Return what recent claims say about waits, read again once a clip was made."""
        if parallel not in self._overtaking:
            claims = await self._clips.claims()
            self._overtaking[parallel] = Overtaking([Claimed(*claim) for claim in claims], parallel)
        return self._overtaking[parallel]

    def _left(self, job: Job, expected: float) -> float:
        elapsed = self._clock() - (job.claimed_at or self._clock())
        return eta.remaining_seconds(expected, max(elapsed, 0.0), self._fractions.get(job.id))
