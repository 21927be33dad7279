"""The expectations of requests, and what came of them, as the database keeps them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.executor.local import local_workers
from bot.jobs.takes import requests_of
from bot.store.clips import NewClip
from bot.store.database import Database
from bot.store.erasure import Erasure
from bot.store.job_model import Delivery
from bot.store.jobs import Jobs
from tests.builders import FACTS, recipe, request
from tests.jobs.running import Running, settings_in

MANY = {"per_member": 99, "in_all": 99}


async def test_the_service_stores_what_it_expects_of_a_request(tmp_path: Path) -> None:
    """Without a worker at work, all of them wait."""
    settings = settings_in(tmp_path)
    async with Database.open(tmp_path / "a.db", now=0) as database:
        service = Running(database, settings, local_workers(settings, "tests.tone", warm=())).service
        for user_id in (1, 2, 1):
            await service.submit(request(user_id=user_id, recipe=recipe(model="tones", seconds=2.0)))
        rows = await database.read("SELECT expected_seconds, own_before FROM jobs ORDER BY id", {})
        alone = rows[0]["expected_seconds"]
        assert alone > 0
        assert [(row["expected_seconds"], row["own_before"]) for row in rows] == [
            (pytest.approx(alone), 0),
            (pytest.approx(2 * alone), 0),
            (pytest.approx(3 * alone), 1),
        ]


async def test_outcomes_are_those_of_delivered_clips_alone(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "a.db", now=0) as database:
        jobs = Jobs(database)

        async def delivered(user_id: int, expected: float | None, at: float) -> None:
            job = await jobs.add(request(user_id=user_id), at, **MANY)
            if expected is not None:
                await jobs.expectations.record({job.id: (expected, 2)})
            await jobs.claim(at + 1)
            await jobs.rendered(job.id, NewClip(file="a.mp3", picture="", facts=FACTS), at + 2)
            await jobs.delivered(job.id, Delivery(job.id, 20, 10), at + 7)

        await delivered(1, 5.0, 10)
        await delivered(2, None, 20)
        await delivered(3, 6.0, 30)
        cancelled = await jobs.add(request(user_id=4), 40, **MANY)
        await jobs.expectations.record({cancelled.id: (7.0, 0)})
        await jobs.cancel(cancelled.id, 50)
        takes = await jobs.add_takes(requests_of(request(user_id=5), 2), 60, **MANY)
        await jobs.expectations.record({take.id: (8.0, 0) for take in takes})
        assert await jobs.expectations.outcomes() == [(True, 2, 6.0, 7.0), (True, 2, 5.0, 7.0)]
        await Erasure(database).erase_member(3, 99)
        assert await jobs.expectations.outcomes() == [(True, 2, 5.0, 7.0)]
