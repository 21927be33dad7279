"""Throughput by number of workers, local and on a Ray cluster of one machine, with engines that sleep.

    python -m benchmarks.scale [--seconds 10] [--clips 4] [--workers 1 2 4 8] [--transport local ray]

Counted from the first clip's start to the last one's end, after every worker has loaded its model for a clip.
100 % is one clip in `seconds` for each worker.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.sleeping import describe
from bot.config import Settings
from bot.engines.configured import InstalledModels
from bot.executor.configured import configured_workers
from bot.jobs.service import Advanced, JobService, Moved
from bot.recipe import Mode, Recipe
from bot.store.clips import Clips
from bot.store.database import Database
from bot.store.job_model import Request, State
from bot.store.jobs import Jobs

ENGINES = "benchmarks.sleeping"
MODEL = "sleep"
ENDS = (State.RENDERED, State.FAILED, State.CANCELLED)


async def throughput(folder: Path, workers: int, clips: int, **changes: Any) -> float:
    """Return the rendered clips a second of so many workers, each with so many clips to do."""
    known: dict[str, Any] = {"ar_model": MODEL, "diffusion_model": MODEL}
    settings = Settings(**known | {"clip_dir": folder / "clips", "max_queue": 10_000} | changes)
    settings.clip_dir.mkdir(parents=True)
    async with Database.open(folder / "antiphon.db", time.time()) as database:
        jobs = Jobs(database)
        pool = await configured_workers(settings, ENGINES, warm=())
        models = InstalledModels([describe(Mode.AR, MODEL)])
        service = JobService(jobs, Clips(database), pool, models, settings, time.time)
        ended: asyncio.Queue[State] = asyncio.Queue()

        def moved(event: Moved | Advanced) -> None:
            if isinstance(event, Moved) and event.state in ENDS:
                ended.put_nowait(event.state)

        service.subscribe(moved)
        running = asyncio.create_task(service.run())
        try:
            await rendered(service, jobs, ended, workers)
            began = time.monotonic()
            await rendered(service, jobs, ended, workers * clips)
            return workers * clips / (time.monotonic() - began)
        finally:
            await service.close()
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


async def rendered(service: JobService, jobs: Jobs, ended: asyncio.Queue[State], clips: int) -> None:
    """Queue clips of as many members, and wait for all of them."""
    recipe = Recipe(prompt="sleep", mode=Mode.AR, model=MODEL, seconds=1.0, seed=1)
    for user in range(clips):
        request = Request(
            recipe=recipe,
            user_id=user,
            guild_id=None,
            channel_id=1,
            application_id=1,
            interaction_token="",
            can_post=True,
            max_bytes=10**7,
        )
        await jobs.add(request, time.time(), per_member=10**4, in_all=10**4)
    await service.queued()
    for _ in range(clips):
        if (state := await ended.get()) is not State.RENDERED:
            raise RuntimeError(f"a clip is {state}")


@asynccontextmanager
async def cluster(workers: int) -> AsyncIterator[str]:
    """Give the address of a cluster with a node for each worker."""
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        for _ in range(workers):
            made.add_node(num_cpus=1, include_dashboard=False)
        yield made.address
    finally:
        ray.shutdown()
        made.shutdown()


async def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--clips", type=int, default=4)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--transport", nargs="+", choices=["local", "ray"], default=["local", "ray"])
    options = parser.parse_args()
    os.environ["SLEEP_SECONDS"] = str(options.seconds)
    print("| transport | workers | clips a minute | of linear |\n|---|---|---|---|")
    for transport in options.transport:
        for workers in options.workers:
            with tempfile.TemporaryDirectory() as folder:
                if transport == "local":
                    devices = ",".join(["cpu"] * workers)
                    rate = await throughput(Path(folder), workers, options.clips, devices=devices)
                else:
                    async with cluster(workers) as address:
                        changes = {"executor": "ray", "ray_address": address, "cluster_workers": workers}
                        rate = await throughput(Path(folder), workers, options.clips, **changes)
            share = rate * options.seconds / workers
            print(f"| {transport} | {workers} | {60 * rate:.1f} | {share:.1%} |", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
