"""The queue's service with its real worker, whose engines are the tests' tones."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

from bot.config import Settings
from bot.engines.base import Engines
from bot.engines.configured import InstalledModels, configured_models
from bot.executor.local import local_workers
from bot.executor.pool import WorkerPool
from bot.jobs.service import Advanced, JobService, Moved
from bot.recipe import Mode
from bot.store.clips import Clips
from bot.store.database import Database
from bot.store.job_model import Job, State
from bot.store.jobs import Jobs
from tests import tone
from tests.builders import recipe, request

SECONDS = 90.0
"""After which a wait has failed."""


class Running:
    """A service at work; `events` is all that its listeners heard."""

    def __init__(self, database: Database, settings: Settings, workers: WorkerPool) -> None:
        self.jobs = Jobs(database)
        self.settings = settings
        self.events: list[Moved | Advanced] = []
        self._changed = asyncio.Event()
        self.workers = workers
        models = InstalledModels(
            tone.describe(*model) for model in configured_models(settings, cast(Engines, tone))
        )
        ticks = itertools.count(1.0)
        self.service = JobService(
            self.jobs, Clips(database), self.workers, models, settings, lambda: next(ticks)
        )
        self.service.subscribe(self._heard)

    def _heard(self, event: Moved | Advanced) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, happened: Callable[[Moved | Advanced], bool]) -> Moved | Advanced:
        """Return the first event, past or to come, for which `happened` holds."""
        async with asyncio.timeout(SECONDS):
            while True:
                for event in self.events:
                    if happened(event):
                        return event
                self._changed.clear()
                await self._changed.wait()

    async def until_over(self, job_id: int) -> Job:
        """Return a job once it is rendered, failed or cancelled."""
        over = (State.RENDERED, State.FAILED, State.CANCELLED)
        await self.until(lambda e: isinstance(e, Moved) and e.job_id == job_id and e.state in over)
        return await self.jobs.get(job_id)

    def pids(self) -> list[int]:
        """Return the process ids of the living workers."""
        return [pid for pid in self.workers.pids if pid]

    def retried(self) -> list[int]:
        """Return the jobs that went back to the queue, in order."""
        return [event.job_id for event in self.events if isinstance(event, Moved) and event.retry]


def settings_in(folder: Path, **changes: Any) -> Settings:
    known: dict[str, Any] = {
        "ar_model": "tones",
        "diffusion_model": "tones",
        "clip_dir": folder / "clips",
        "stall_seconds": 60,
    }
    settings = Settings(**known | changes)
    settings.clip_dir.mkdir(exist_ok=True)
    return settings


@asynccontextmanager
async def running(
    database: Database, folder: Path, *, workers: WorkerPool | None = None, **changes: Any
) -> AsyncIterator[Running]:
    """Give a service at work, which is killed at the end, as the bot would be."""
    settings = settings_in(folder, **changes)
    service = Running(database, settings, workers or local_workers(settings, "tests.tone", warm=()))
    task = asyncio.create_task(service.service.run())
    try:
        yield service
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def queue(jobs: Jobs, prompt: str, user_id: int = 1, **changes: Any) -> int:
    """Queue a clip as an earlier run of the bot would have; `changes` go into the recipe."""
    known = {"prompt": prompt, "mode": Mode.AR, "model": "tones", "seconds": 1.0}
    wanted = request(user_id=user_id, recipe=recipe(**known | changes))
    return (await jobs.add(wanted, 0, per_member=1000, in_all=1000)).id
