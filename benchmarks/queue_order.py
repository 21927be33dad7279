"""What the order of the queue costs: ms of the processor to read it, and to claim a job, as it grows.

Every estimate reads the whole order and every claim its head, so both have to stay far below a clip's time.
Jobs of fifty members of three servers wait, after as many that were served before.

    python -m benchmarks.queue_order [--waiting 4000] [--json]
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks._figures import tell
from bot.store.database import Database
from bot.store.jobs import Jobs
from tests.builders import recipe, request

LIMITS: dict[str, Any] = {"per_member": 1_000_000, "in_all": 1_000_000}
MEMBERS, SERVERS, ROUNDS = 50, 3, 5


async def measure(most: int) -> dict[str, Any]:
    """Return the figures with an eighth, a half, and all of so many jobs waiting."""
    figures: dict[str, Any] = {}
    for waiting in (most // 8, most // 2, most):
        with tempfile.TemporaryDirectory() as folder:
            async with Database.open(Path(folder, "antiphon.db"), 0) as database:
                jobs = Jobs(database)
                for number in range(waiting):
                    await _ask(jobs, number)
                    await jobs.claim(number)
                for job in await jobs.running():
                    await jobs.fail(job.id, "done", waiting)
                for number in range(waiting, 2 * waiting):
                    await _ask(jobs, number)
                figures[f"{waiting} waiting: order, ms"] = await _busy(jobs.waiting)
                figures[f"{waiting} waiting: claim, ms"] = await _busy(partial(jobs.claim, 1e6))
    return figures


async def _ask(jobs: Jobs, number: int) -> None:
    wanted = recipe(prompt=f"tune {number}", seconds=5 + number % 60)
    asked = request(recipe=wanted, user_id=1 + number % MEMBERS, guild_id=number % SERVERS)
    await jobs.add(asked, float(number), **LIMITS)


async def _busy(work: Callable[[], Awaitable[object]]) -> float:
    """Return the median ms of the processor, with those of SQLite's thread."""
    took = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        await work()
        took.append((time.process_time() - begun) * 1000)
    return round(statistics.median(took), 1)


if __name__ == "__main__":
    tell(__doc__, "waiting", 4_000, measure)
