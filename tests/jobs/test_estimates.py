"""Estimates of waiting clips on a database of earlier ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.jobs.estimates import Estimates
from bot.jobs.eta import FINISHING_SECONDS
from bot.jobs.takes import requests_of
from bot.store.clips import Clips, NewClip
from bot.store.database import Database
from bot.store.job_model import Delivery
from bot.store.jobs import Jobs
from tests.builders import FACTS, recipe, request

MANY = {"per_member": 99, "in_all": 99}


@pytest.mark.parametrize(("slots", "in_turn"), [(1, 4), (2, 2), (8, 1)])
async def test_takes_on_an_engine_with_slots_are_expected_together(
    slots: int, in_turn: int, tmp_path: Path
) -> None:
    async with Database.open(tmp_path / "estimates.db", now=0) as database:
        jobs, clips = Jobs(database), Clips(database)
        estimates = Estimates(jobs, clips, {}, 1, lambda: 100.0)
        added = await jobs.add_takes(requests_of(request(), 4), 1, **MANY)
        alone = 10 * 1.0 + FINISHING_SECONDS
        before = await estimates.positions()
        assert before[added[-1].id].seconds == pytest.approx(4 * alone), "no clip told of any slots"
        earlier = await jobs.add(request(recipe=recipe(seed=1), user_id=2), 0, **MANY)
        claimed = await jobs.claim(2)
        assert claimed is not None
        other = claimed.id
        await jobs.rendered(other, NewClip(file="a.mp3", picture="", facts=FACTS | {"slots": slots}), 3)
        await jobs.undeliverable(other, "nowhere", 4)
        estimates.rendered("test")
        after = await estimates.positions()
        left = [after[job.id].seconds for job in [*added, earlier] if job.id in after]
        assert len(left) == 4
        assert max(left) == pytest.approx(in_turn * alone)
        again = Estimates(jobs, clips, {}, 1, lambda: 100.0)
        assert await again.positions() == after, "a restart knows the same"


async def test_estimates_learn_from_what_became_of_them(tmp_path: Path) -> None:
    """A member's second clip has so far waited for the first clips of three others, who asked later."""
    now = 0.0
    async with Database.open(tmp_path / "estimates.db", now=0) as database:
        jobs, clips = Jobs(database), Clips(database)
        estimates = Estimates(jobs, clips, {}, 1, lambda: now)

        async def asked(user_id: int, at: float) -> int:
            job = await jobs.add(request(user_id=user_id), at, **MANY)
            await estimates.expect([job.id])
            return job.id

        async def made(job_id: int) -> None:
            nonlocal now
            claimed = await jobs.claim(now)
            assert claimed is not None
            assert claimed.id == job_id
            now += 100
            await jobs.rendered(job_id, NewClip(file="a.mp3", picture="", facts=FACTS), now)
            await jobs.delivered(job_id, Delivery(job_id, 20, 10), now)
            estimates.rendered("test")

        for _ in range(12):
            now += 10_000
            first, second = [await asked(1, now) for _ in range(2)]
            now += 1
            await made(first)
            others = [await asked(user, now) for user in (2, 3, 4)]
            for other in others:
                await made(other)
            await made(second)
        now += 10_000
        first, second = [await asked(1, now) for _ in range(2)]
        positions = await estimates.positions()
        assert positions[first].seconds == pytest.approx(100, rel=0.2)
        assert positions[second].seconds == pytest.approx(500, rel=0.2)
        assert positions[second].low <= 500 <= positions[second].high
        again = await Estimates(jobs, clips, {}, 1, lambda: now).positions()
        assert again == positions, "a restart knows the same"
