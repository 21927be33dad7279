"""Where each open job stands in the queue, and when it will be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.jobs import eta
from bot.recipe import ModelRef, Recipe
from bot.recipe.capabilities import Capabilities
from bot.store.clips import Clips
from bot.store.jobs import Job, Jobs


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """The turn of an open job: `number` among `waiting` jobs (0 while it runs), seconds until delivery."""

    number: int
    waiting: int
    seconds: float


class Estimates:
    """Estimates from the progress of running jobs and the measured pace of each model.

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
        self._paces: dict[str, float] = {}

    def progress(self, job_id: int, fraction: float) -> None:
        """Record how much of a running job is rendered, 0 to 1."""
        self._fractions[job_id] = fraction

    def stopped(self, job_id: int) -> None:
        """Forget the progress of a job that runs no more."""
        self._fractions.pop(job_id, None)

    def rendered(self, model: str) -> None:
        """Measure the pace of a model again, as it has a new clip."""
        self._paces.pop(model, None)

    async def positions(self) -> dict[int, QueuePosition]:
        """Return the turn of every open job, in the order in which they will be done."""
        running, waiting = await self._jobs.running(), await self._jobs.waiting()
        pace = await self._pace({job.recipe.model for job in running} | {job.recipe.model for job in waiting})
        left = {job.id: self._left(job, pace) for job in running}
        positions = {job_id: QueuePosition(0, len(waiting), seconds) for job_id, seconds in left.items()}
        expected = [eta.render_seconds(job.recipe, pace) for job in waiting]
        finished = eta.finish_times(list(left.values()), expected, self._workers)
        for job, seconds in zip(waiting, finished, strict=True):
            positions[job.id] = QueuePosition(job.queue_position, len(waiting), seconds)
        return positions

    async def _pace(self, models: set[str]) -> eta.Pace:
        for model in models - self._paces.keys():
            measured = await self._clips.pace(model)
            if measured is not None:
                self._paces[model] = measured

        def pace(recipe: Recipe) -> float:
            expected = self._capabilities.get(recipe.model_ref)
            return self._paces.get(recipe.model, expected.real_time_factor if expected else 1.0)

        return pace

    def _left(self, job: Job, pace: eta.Pace) -> float:
        elapsed = self._clock() - (job.claimed_at or self._clock())
        return eta.remaining_seconds(job.recipe, pace, max(elapsed, 0.0), self._fractions.get(job.id))
