"""The metrics of the queue, the workers and Discord, under the names that docs/scale.md lists."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client import Counter as TotalCounter

from bot.errors import NotFound
from bot.executor.pool import WorkerPool
from bot.jobs.service import Advanced, JobService, Moved
from bot.memory import resident_bytes
from bot.store.clips import Clips
from bot.store.job_model import State
from bot.store.jobs import Jobs

MAX_PENDING = 10_000
"""How many rendered jobs are remembered for the next scrape. Without scrapes the oldest are forgotten."""
MAX_CODES = 64
"""How many of Discord's error codes have a label of their own. Each label is a series in Prometheus."""
SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
FACTORS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)


class Metrics:
    """One registry of metrics. `latency`: seconds between a gateway heartbeat and its acknowledgement."""

    def __init__(
        self,
        jobs: Jobs,
        clips: Clips,
        workers: WorkerPool,
        *,
        clock: Callable[[], float],
        latency: Callable[[], float],
    ) -> None:
        self._jobs = jobs
        self._clips = clips
        self._workers = workers
        self._clock = clock
        self._latency = latency
        self._rendered: deque[int] = deque(maxlen=MAX_PENDING)
        self._counted_deaths: Counter[int] = Counter()
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._depth = Gauge("antiphon_jobs", "Open jobs by state", ["state"], registry=registry)
        self._age = Gauge(
            "antiphon_oldest_job_seconds", "Age of the oldest open job by state", ["state"], registry=registry
        )
        self._changes = TotalCounter(
            "antiphon_job_changes", "Changes of state, by the new state", ["state"], registry=registry
        )
        self._retries = TotalCounter(
            "antiphon_job_retries", "Jobs that were requeued after a worker died", registry=registry
        )
        self._waits = Histogram(
            "antiphon_wait_seconds",
            "From a request to its start",
            ["model"],
            buckets=SECONDS,
            registry=registry,
        )
        self._renders = Histogram(
            "antiphon_render_seconds", "Rendering of a clip", ["model"], buckets=SECONDS, registry=registry
        )
        self._factors = Histogram(
            "antiphon_real_time_factor",
            "Render seconds per second of audio",
            ["model"],
            buckets=FACTORS,
            registry=registry,
        )
        self._deaths = TotalCounter(
            "antiphon_worker_deaths", "Worker processes that died", ["worker"], registry=registry
        )
        self._memory = Gauge(
            "antiphon_worker_memory_bytes", "Resident memory of a worker", ["worker"], registry=registry
        )
        self._responses = TotalCounter(
            "antiphon_discord_responses", "Discord's REST responses", ["method", "status"], registry=registry
        )
        self._errors = TotalCounter(
            "antiphon_discord_errors",
            "Discord's REST errors by its JSON error code",
            ["code"],
            registry=registry,
        )
        self._codes: set[int] = set()
        self._gateway = Gauge("antiphon_gateway_latency_seconds", "Latency of the gateway", registry=registry)

    def attach(self, service: JobService) -> None:
        """Count what happens to jobs from now on."""
        service.subscribe(self._moved)

    def responded(self, method: str, status: int) -> None:
        """Count a response of Discord's REST API."""
        self._responses.labels(method, str(status)).inc()

    def refused(self, body: bytes) -> None:
        """Count an error by the code in its body; `none` where a proxy answered, without one."""
        try:
            code = int(json.loads(body)["code"])
        except (ValueError, TypeError, KeyError):
            self._errors.labels("none").inc()
            return
        if len(self._codes) < MAX_CODES:
            self._codes.add(code)
        self._errors.labels(str(code) if code in self._codes else "other").inc()

    async def scrape(self) -> bytes:
        """Return all metrics in Prometheus' text format. Raises StoreError where no database answers."""
        await self._read_queue()
        await self._observe_rendered()
        for worker, deaths in enumerate(self._workers.deaths):
            self._deaths.labels(str(worker)).inc(deaths - self._counted_deaths[worker])
            self._counted_deaths[worker] = deaths
        for worker, pid in enumerate(self._workers.pids):
            self._memory.labels(str(worker)).set(resident_bytes(pid) if pid else 0)
        self._gateway.set(self._latency())
        return generate_latest(self._registry)

    async def _read_queue(self) -> None:
        now = self._clock()
        depths = {depth.state: depth for depth in await self._jobs.depths()}
        for state in (State.QUEUED, State.RUNNING, State.RENDERED):
            depth = depths.get(state)
            self._depth.labels(state.value).set(depth.count if depth else 0)
            self._age.labels(state.value).set(max(0.0, now - depth.oldest) if depth else 0)

    async def _observe_rendered(self) -> None:
        while self._rendered:
            job_id = self._rendered.popleft()
            try:
                job, clip = await self._jobs.get(job_id), await self._clips.of_job(job_id)
            except NotFound:
                continue  # deleted since
            if job.claimed_at is not None:
                self._waits.labels(job.recipe.model).observe(job.claimed_at - job.created_at)
            self._renders.labels(job.recipe.model).observe(clip.facts["render_seconds"])
            self._factors.labels(job.recipe.model).observe(clip.facts["real_time_factor"])

    def _moved(self, event: Moved | Advanced) -> None:
        if not isinstance(event, Moved):
            return
        self._changes.labels(event.state.value).inc()
        if event.retry:
            self._retries.inc()
        if event.state is State.RENDERED:
            self._rendered.append(event.job_id)
