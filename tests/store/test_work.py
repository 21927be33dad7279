"""The work of a clip's transactions, in instructions of SQLite's virtual machine."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from bot.store import migrations
from bot.store.database import Database
from bot.store.job_model import Delivery
from bot.store.jobs import Jobs
from tests.builders import new_clip, recipe, request

NOW = 1_700_000_000.0
LIMITS = {"per_member": 100, "in_all": 100}


async def test_no_transaction_of_a_clip_grows_with_the_clips_of_before(tmp_path: Path) -> None:
    few, many = [await work(tmp_path / f"{jobs}.db", stored=jobs) for jobs in (10, 1000)]
    assert {name for name, steps in many.items() if steps > 1.5 * few[name]} == set()


async def work(path: Path, stored: int) -> Counter[str]:
    """Return the instructions of each transaction, with so many delivered jobs of the same member before."""
    migrations.migrate(path, NOW)
    with closing(sqlite3.connect(path)) as connection, connection:
        # Two a day: what was claimed within an hour is looked at by the order of the queue.
        hours = [12.0 * (number + 1) for number in range(stored)]
        values = [{"recipe": recipe().to_json(), "then": NOW - 3600 * ago} for ago in hours]
        connection.executemany(_STORED, values)
    async with Database.open(path, NOW) as database:
        jobs, steps = Jobs(database), Counter[str]()

        @asynccontextmanager
        async def counted(name: str) -> AsyncIterator[None]:
            def count() -> int:
                steps[name] += 1
                return 0

            async with database.write() as writer:
                await writer.set_progress_handler(count, 1)
            yield
            async with database.write() as writer:
                await writer.set_progress_handler(None, 1)  # type: ignore[arg-type]

        for _ in range(3):
            await jobs.add(request(), NOW, **LIMITS)
        async with counted("added"):
            await jobs.add(request(), NOW, **LIMITS)
        async with counted("claimed"):
            job = await jobs.claim(NOW)
        assert job is not None
        async with counted("answered"):
            await jobs.answered(job.id, 1)
        async with counted("rendered"):
            await jobs.rendered(job.id, new_clip(), NOW)
        async with counted("delivered"):
            await jobs.delivered(job.id, Delivery(1, 20, 10), NOW)
        async with counted("put back"):
            await jobs.requeue_running(NOW, "interruptions", 8, "killed")
        return steps


_STORED = """
INSERT INTO jobs (recipe, mode, user_id, guild_id, channel_id, application_id, can_post, max_bytes,
                  created_at, claimed_at, finished_at, state, interaction_token)
VALUES (:recipe, 'ar', 1, 10, 20, 30, 1, 1, :then, :then, :then, 'delivered', NULL)
"""
