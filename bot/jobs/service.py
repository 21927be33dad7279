"""The queue's service: takes requests, gives the worker the next job, and tells listeners what happens."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import astuple, dataclass, replace
from functools import partial
from typing import Literal

from bot.config import Settings
from bot.engines.configured import InstalledModels
from bot.errors import LimitReached, NotFound, StoreError, UserError
from bot.executor.link import Died
from bot.executor.pool import WorkerEvent, WorkerPool
from bot.executor.protocol import Available, Failed, Loading, Preview, Progress, Ready, Render, Rendered
from bot.jobs.configured import ConfiguredModels
from bot.jobs.dispatch import Dispatcher
from bot.jobs.estimates import Estimates, QueuePosition
from bot.jobs.files import clip_files, remove_files
from bot.jobs.melodies import Melodies
from bot.jobs.patience import check_patience
from bot.jobs.previews import Previews, nowhere
from bot.jobs.source_files import SourceFiles
from bot.jobs.takes import requests_of
from bot.log import job_fields
from bot.recipe import Mode, Recipe
from bot.recipe.capabilities import Capabilities
from bot.store.clips import Clips, NewClip
from bot.store.job_model import Delivery, Job, Request, State
from bot.store.jobs import Counter, Jobs

log = logging.getLogger(__name__)

MAX_INTERRUPTIONS = 8
"""Kills of the bot while a job runs alone, until the job is given up: it may take the machine down."""
_RECORD_AGAIN_SECONDS = 5.0
_CLOSING_SECONDS = 5.0
"""How long close() waits for what the worker said last to be recorded."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A job changed its state; `retry` where it went back to the queue because the worker died."""

    job_id: int
    state: State
    retry: bool = False


@dataclass(frozen=True, slots=True)
class Advanced:
    """A running job got further: `fraction` 0 to 1 of its phase."""

    job_id: int
    phase: Literal["loading", "rendering", "mastering"]
    fraction: float


Listener = Callable[[Moved | Advanced], None]


class JobService:
    """The owner of the queue and the workers. `run` works until it is cancelled."""

    def __init__(
        self,
        jobs: Jobs,
        clips: Clips,
        workers: WorkerPool,
        models: InstalledModels,
        settings: Settings,
        clock: Callable[[], float],
        previews_in: Callable[[int | None], bool] = nowhere,
    ) -> None:
        self.jobs = jobs
        self.clips = clips
        self.models = models
        self.melodies = Melodies(settings.clip_dir)
        self._source_files = SourceFiles(clips, self.melodies, settings.clip_dir)
        self._configured = ConfiguredModels(models)
        self._workers = workers
        self._settings = settings
        self._clock = clock
        self._dispatcher = Dispatcher()
        self._filling = asyncio.Lock()
        self._ended = asyncio.Event()
        self._ended.set()
        self._estimates = Estimates(jobs, clips, models, len(workers), clock)
        self.previews = Previews(jobs, self._estimates, settings.clip_dir, previews_in)
        self._listeners: list[Listener] = []
        self.paused = False
        """Whether no job is begun; what renders goes on, and requests are taken."""

    @property
    def has_worker(self) -> bool:
        """Whether a worker is there, started and alive."""
        return self._dispatcher.has_worker

    def subscribe(self, listener: Listener) -> None:
        """Have `listener` called, in order, with everything that happens to jobs; it must not block."""
        self._listeners.append(listener)

    def engine(self, mode: Mode) -> Capabilities:
        """Return the capabilities of a mode's default model. Raises UserError where none is installed."""
        return self.models.default(mode)

    def adopt(self, recipe: Recipe) -> Recipe:
        """Return a recipe with its model as the settings spell it. Raises UserError where they do not."""
        return self._configured.adopt(recipe)

    async def submit(self, request: Request, takes: int = 1) -> Job:
        """Queue a request; return its job, or the first one of several takes.

        Raises LimitReached, or UserError where its model is not there any more or a source is gone.
        """
        self.engine(request.recipe.mode)
        then = request.then and self.adopt(request.then)
        request = replace(request, recipe=self.adopt(request.recipe), then=then)
        await self._source_files.of(request.recipe)
        now = self._clock()
        limits = {"per_member": self._settings.max_jobs_per_member, "in_all": self._settings.max_queue}
        if takes > 1:
            jobs = await self.jobs.add_takes(requests_of(request, takes), now, **limits)
        else:
            jobs = [await self.jobs.add(request, now, **limits)]
        if not request.can_post:
            await self._refuse_long_wait(jobs, now)
        await self.queued(*jobs)
        return jobs[0]

    async def check_limits(self, user_id: int, *, can_post: bool, jobs: int = 1) -> None:
        """Raise LimitReached where so many more jobs of a member would be refused now.

        It only reads, for a refusal before the request is acknowledged in public; `submit` decides.
        """
        await self.jobs.check_limits(
            user_id,
            jobs=jobs,
            per_member=self._settings.max_jobs_per_member,
            in_all=self._settings.max_queue,
        )
        if not can_post:
            positions = await self.queue_positions()
            check_patience(max((one.seconds for one in positions.values()), default=0.0))

    async def pause(self, paused: bool) -> None:
        """Begin no more jobs, or begin again."""
        self.paused = paused
        await self._fill()

    def restart_workers(self) -> int:
        """End the worker processes of this machine, which start anew; return how many there were."""
        return self._workers.kill()

    async def queued(self, *jobs: Job) -> None:
        """Make known that jobs were added to the queue, and begin with them if the worker is free."""
        for job in jobs:
            self._publish(Moved(job.id, State.QUEUED))
        await self._estimates.expect(job.id for job in jobs)
        await self._fill()

    async def _refuse_long_wait(self, jobs: list[Job], now: float) -> None:
        positions = await self.queue_positions()
        try:
            check_patience(max((positions[job.id].seconds for job in jobs if job.id in positions), default=0))
        except LimitReached:
            for job in jobs:
                await self.jobs.cancel(job.id, now)
                await self.jobs.notified(job.id)
            raise

    async def cancel(self, job_id: int) -> Job:
        """Cancel a queued or running job. Raises NotFound where it is over already."""
        job = await self.jobs.cancel(job_id, self._clock())
        if job is None:
            raise NotFound("This clip is already done, so there is nothing to cancel.")
        await self.cancelled(job_id)
        return job

    async def cancelled(self, *job_ids: int) -> None:
        """Stop the rendering of jobs that the database has as cancelled, and make their end known."""
        async with self._filling:
            # Behind a Render that is on its way, never before it.
            for job_id in job_ids:
                await self._workers.cancel(job_id)
        for job_id in job_ids:
            self._estimates.stopped(job_id)
            self._discard(job_id)
            self._publish(Moved(job_id, State.CANCELLED))
        await self._fill()

    async def refuse(self, job_id: int, reason: str) -> None:
        """Fail an open job for a reason that lies in its request, and stop its rendering."""
        if await self.jobs.fail(job_id, reason, self._clock()) is None:
            return
        async with self._filling:
            # Behind a Render that is on its way, never before it.
            await self._workers.cancel(job_id)
        self._estimates.stopped(job_id)
        self._discard(job_id)
        self._publish(Moved(job_id, State.FAILED))
        await self._fill()

    async def delivered(self, job_id: int, delivery: Delivery) -> bool:
        """Record the message that carries a clip; False where the job was over before it was posted."""
        recorded = await self.jobs.delivered(job_id, delivery, self._clock()) is not None
        if recorded:
            self._publish(Moved(job_id, State.DELIVERED))
        return recorded

    async def takes_delivered(self, first_id: int, delivery: Delivery) -> bool:
        """Record the message that carries the takes; False where they were over before it was posted."""
        recorded = await self.jobs.takes.delivered(first_id, delivery, self._clock())
        for job_id in recorded:
            self._publish(Moved(job_id, State.DELIVERED))
        return bool(recorded)

    async def undeliverable(self, job_id: int, reason: str) -> None:
        """Fail a rendered job whose clip no place takes; its member is going to be told."""
        if await self.jobs.undeliverable(job_id, reason, self._clock()):
            self._publish(Moved(job_id, State.FAILED))

    async def takes_undeliverable(self, first_id: int, reason: str, *, withdrawn: bool = False) -> None:
        """Fail the rendered takes that no place takes; withdrawn: nobody is told, the message was deleted."""
        takes = self.jobs.takes
        for job_id in await takes.undeliverable(first_id, reason, self._clock(), withdrawn=withdrawn):
            self._publish(Moved(job_id, State.FAILED))

    async def queue_positions(self) -> dict[int, QueuePosition]:
        """Return where every open job stands, in the order in which they will be done."""
        return await self._estimates.positions()

    async def run(self) -> None:
        """Requeue the jobs that a killed bot left running, then dispatch jobs until close().

        Cancelled, it leaves what is running for the next start to put back.
        """
        self._ended.clear()
        await self._recorded("the last start's jobs", self._recover)
        async with aclosing(self._workers.events()) as events:
            async for message in events:
                await self._record(message)
        await self._recorded("the stop", self.jobs.release_running)
        self._ended.set()

    async def close(self) -> None:
        """End the workers, and return their running jobs to the queue."""
        await self._workers.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self._ended.wait()

    async def _recover(self) -> None:
        """Requeue what a killed bot left running, and fail what waits for a model of before."""
        await self._requeue(
            "interruptions",
            MAX_INTERRUPTIONS,
            f"The bot was killed {MAX_INTERRUPTIONS} times while it made this clip. Try a shorter one.",
        )
        for job in await self.jobs.waiting():
            await self._adopt_queued(job.id, job.recipe)

    async def _adopt_queued(self, job_id: int, recipe: Recipe) -> None:
        """Fail a waiting job whose model is no longer set, else spell the model as the settings do."""
        try:
            adopted = self.adopt(recipe)
        except UserError as gone:
            await self._fail(Failed(job_id, "refused", gone.english))
            return
        if adopted != recipe:
            await self.jobs.respell(job_id, adopted)

    async def _record(self, message: WorkerEvent) -> None:
        """Act on a worker's message."""
        await self._recorded(type(message.event).__name__, partial(self._handle, message))

    async def _recorded(self, what: str, act: Callable[[], Awaitable[None]]) -> None:
        """Write to the database until it works: a full disk passes, and nothing may be lost meanwhile."""
        for attempt in itertools.count(1):
            try:
                await act()
                break
            except StoreError:
                log.exception("%s could not be recorded, attempt %d", what, attempt)
                await asyncio.sleep(_RECORD_AGAIN_SECONDS)

    async def _handle(self, message: WorkerEvent) -> None:
        worker = message.worker
        match event := message.event:
            case Available(models):
                self._dispatcher.available(worker, models)
            case Ready():
                self._dispatcher.ready(worker, event)
                await self._fill()
            case Loading(model, finished):
                for job in await self.jobs.running():
                    if job.worker == worker and job.recipe.model_ref == model and not finished:
                        self._publish(Advanced(job.id, "loading", 0.0))
            case Progress(job_id, done, total, phase, concurrency):
                fraction = done / max(total, 1)
                if phase == "rendering":
                    self._estimates.progress(job_id, fraction, concurrency)
                self._publish(Advanced(job_id, phase, fraction))
            case Preview():
                await self.previews.record(event)
            case Rendered():
                await self._keep(event)
                await self._fill()
            case Failed():
                await self._fail(event)
                await self._fill()
            case Died(reason):
                self._dispatcher.died(worker)
                limit = self._settings.max_attempts
                await self._requeue("attempts", limit, f"{reason} It was tried {limit} times.", worker)
                await self._fill()

    async def _fill(self) -> None:
        """Give the workers the jobs that they have grants for."""
        async with self._filling:
            while job := await self._claim():
                try:
                    sources = await self._source_files.of(job.recipe)
                except UserError as gone:
                    refusal = Failed(job.id, "refused", gone.english)
                    await self._recorded("Failed", partial(self._fail, refusal))
                    continue
                out_path = (self._settings.clip_dir / clip_files(job.id)[0]).resolve()
                self._dispatcher.assigned(job.worker)
                self.previews.discard(job.id)
                preview_path = await self.previews.path_for(job)
                fields = (job.id, job.recipe, str(out_path), job.max_bytes, sources)
                render = Render(*fields, ids=job_fields(job), preview_path=preview_path)
                await self._workers.render(job.worker, render)
                self._publish(Moved(job.id, State.RUNNING))

    async def _claim(self) -> Job | None:
        """Claim the next job for the best worker with a grant; None where no claim succeeds."""
        if self.paused or not self._dispatcher.has_grants(self._workers.sent):
            return None
        heads = await self.jobs.heads()
        while unknown := [head for head in heads if head.model not in self.models]:
            for head in unknown:
                await self._adopt_queued(head.id, (await self.jobs.get(head.id)).recipe)
            heads = await self.jobs.heads()
        for worker, head in self._dispatcher.choices(heads):
            if job := await self.jobs.claim(self._clock(), head.model, worker):
                self._dispatcher.passed(job.id, heads)
                return job
        return None

    async def _keep(self, event: Rendered) -> None:
        self._estimates.stopped(event.job_id)
        self.previews.discard(event.job_id)
        made = NewClip(file=event.file, picture=event.picture, facts=event.facts)
        clip = await self.jobs.rendered(event.job_id, made, self._clock())
        if clip is None:
            remove_files(self._settings.clip_dir, event.file, event.picture)
            return
        self._estimates.rendered(clip.recipe.model)
        followup = await self.jobs.followups.of(clip)
        self._publish(Moved(event.job_id, State.RENDERED if followup is None else State.DELIVERED))
        if followup is not None:
            self._publish(Moved(followup.id, State.QUEUED))

    async def _fail(self, event: Failed) -> None:
        self._estimates.stopped(event.job_id)
        job = await self.jobs.fail(event.job_id, event.message, self._clock())
        log.warning("job %d failed (%s): %s\n%s", *astuple(event), extra=job_fields(job) if job else {})
        if job:
            self._discard(event.job_id)
            self._publish(Moved(event.job_id, State.FAILED))

    async def _requeue(self, counter: Counter, limit: int, error: str, worker: int | None = None) -> None:
        async with self._filling:
            # A job on its way to a worker that just died is requeued with the others.
            back, failed = await self.jobs.requeue_running(self._clock(), counter, limit, error, worker)
        for job in back:
            self._estimates.stopped(job.id)
            self._publish(Moved(job.id, State.QUEUED, retry=True))
        for job in failed:
            self._estimates.stopped(job.id)
            self._discard(job.id)
            self._publish(Moved(job.id, State.FAILED))

    def _discard(self, job_id: int) -> None:
        """Remove files that an earlier attempt at a job wrote, but did not record before a kill."""
        remove_files(self._settings.clip_dir, *clip_files(job_id))
        self.previews.discard(job_id)

    def _publish(self, event: Moved | Advanced) -> None:
        for listener in self._listeners:
            listener(event)
