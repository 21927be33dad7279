"""The life of a comparison in Discord: its clips go through the queue one after another, and are measured."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable
from dataclasses import dataclass

from bot.audio import child
from bot.comparison.plan import Measured, Planned, measured_of
from bot.comparison.results import Sound
from bot.config import Settings
from bot.errors import LimitReached, NotFound, RenderError, UserError
from bot.jobs.files import remove_files
from bot.jobs.service import JobService
from bot.locale import current, tr
from bot.machine import device_name
from bot.recipe import Recipe
from bot.store.comparisons import Comparisons, ComparisonState, NewComparison, StoredComparison
from bot.store.job_model import Request, State

log = logging.getLogger(__name__)

MEASURE_SECONDS, REPORT_SECONDS = 120.0, 120.0
"""Limits of the processes; a clip of a minute is measured in 2 s on two busy cores."""


@dataclass(frozen=True, slots=True)
class Report:
    """The result as files: a page of markdown, all figures as JSON, and a PNG."""

    markdown: str
    json: str
    picture: bytes


class ComparisonService:
    """One instance owns the comparisons. clock: Unix time by the bot's clock."""

    def __init__(
        self, store: Comparisons, jobs: JobService, settings: Settings, clock: Callable[[], float]
    ) -> None:
        self.store = store
        self._jobs = jobs
        self._settings = settings
        self._clock = clock

    async def start(self, new: NewComparison) -> StoredComparison:
        """Store a comparison, whose clips the next steps queue. Raises LimitReached."""
        return await self.store.start(new, self._clock())

    async def step(self, comparison: StoredComparison, to_request: Callable[[Recipe], Request]) -> bool:
        """Take a running comparison's next step: queue a clip, measure one, or end; return whether it did.

        Nothing while a clip waits or renders, or where a limit is reached, which is tried again later.
        to_request: turns a recipe into the member's request; a UserError that it raises ends the comparison.
        """
        if comparison.state is not ComparisonState.RUNNING:
            return False
        done = len(comparison.measured)
        if done >= len(comparison.plan):
            return await self.end(comparison.id, "")
        if comparison.job_id is None:
            recipe = Planned.from_dict(comparison.plan[done]).recipe
            return await self._queue(comparison, recipe, to_request)
        job = await self._jobs.jobs.get(comparison.job_id)
        if job.state is State.RENDERED:
            return await self._measure(comparison, job.id)
        if job.state in (State.FAILED, State.CANCELLED):
            why = tr("A clip was cancelled.")
            if job.state is State.FAILED:
                why = tr("A clip didn't work: {error}", error=tr(job.error or ""))
            return await self.end(comparison.id, why)
        return False

    async def end(self, comparison_id: int, why: str) -> bool:
        """End a running comparison and cancel its open clip; return whether it ran."""
        comparison = await self.store.get(comparison_id)
        if comparison.state is not ComparisonState.RUNNING:
            return False
        job_id = await self.store.end(comparison_id, why, self._clock())
        if job_id is not None:
            try:
                await self._jobs.cancel(job_id)
                await self._jobs.jobs.notified(job_id)
            except NotFound:
                pass  # it was over
        return True

    async def report(self, comparison: StoredComparison) -> Report | None:
        """Return the result of what was measured; None where that is no model's clip. Raises RenderError."""
        answer = await child.call(
            "bot.comparison.reporting",
            {
                "prompt": comparison.prompt,
                "processor": await asyncio.to_thread(device_name),
                "seeds": comparison.seeds,
                "language": current(),
                "clips": list(zip(comparison.plan, comparison.measured, strict=False)),
            },
            REPORT_SECONDS,
            failed="The picture couldn't be drawn.",
            late="Drawing the picture took too long.",
        )
        if not answer:
            return None
        return Report(answer["markdown"], answer["json"], base64.b64decode(answer["picture"]))

    async def _queue(
        self, comparison: StoredComparison, recipe: Recipe, to_request: Callable[[Recipe], Request]
    ) -> bool:
        try:
            request = to_request(self._jobs.adopt(recipe))
            job = await self.store.add_job(
                comparison.id,
                request,
                self._clock(),
                per_member=self._settings.max_jobs_per_member,
                in_all=self._settings.max_queue,
            )
        except LimitReached:
            return False
        except UserError as refused:
            return await self.end(comparison.id, str(refused))
        if job is not None:
            await self._jobs.queued(job)
        return job is not None

    async def _measure(self, comparison: StoredComparison, job_id: int) -> bool:
        clip = await self._jobs.clips.of_job(job_id)
        path = self._settings.clip_dir / clip.file
        try:
            sound = await child.call(
                "bot.comparison.measuring",
                {"path": str(path), "prompt": comparison.prompt},
                MEASURE_SECONDS,
                failed="A clip couldn't be measured.",
                late="Measuring a clip took too long.",
            )
        except RenderError as error:
            return await self.end(comparison.id, str(error))
        found: Measured = measured_of(clip.facts, Sound.from_dict(sound))
        stored = await self.store.add_measured(comparison.id, job_id, found.to_dict(), self._clock())
        remove_files(self._settings.clip_dir, clip.file, clip.picture)
        return stored
