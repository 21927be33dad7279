"""Estimates of waiting clips on a database of earlier ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.jobs.durations import PRIOR_SLOWDOWN, slowed
from bot.jobs.estimates import Estimates
from bot.jobs.eta import FINISHING_SECONDS
from bot.jobs.takes import requests_of
from bot.store.clips import Clips, NewClip
from bot.store.database import Database
from bot.store.job_model import Delivery
from bot.store.jobs import Jobs
from tests.builders import FACTS, recipe, request

MANY = {"per_member": 99, "in_all": 99}


@pytest.mark.parametrize(
    ("slots", "times"), [(1, 4), (2, 2 * slowed(PRIOR_SLOWDOWN, 2)), (8, slowed(PRIOR_SLOWDOWN, 4))]
)
async def test_takes_on_an_engine_with_slots_are_expected_together(
    slots: int, times: float, tmp_path: Path
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
        assert max(left) == pytest.approx(times * alone)
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


async def test_what_is_left_of_clips_follows_who_is_rendered_beside_them(tmp_path: Path) -> None:
    """Clips of 20 s that cost each other half of their time, two of which came before as takes."""
    now = 0.0
    async with Database.open(tmp_path / "estimates.db", now=0) as database:
        jobs, clips = Jobs(database), Clips(database)

        async def claimed() -> int:
            job = await jobs.claim(now)
            assert job is not None
            return job.id

        async def rendered(job_id: int, concurrency: float) -> None:
            facts = FACTS | {"slots": 8, "concurrency": concurrency}
            await jobs.rendered(job_id, NewClip(file="a.mp3", picture="", facts=facts), now)

        for _ in range(10):
            lone = (await jobs.add(request(), now, **MANY)).id
            assert await claimed() == lone
            now += 20
            await rendered(lone, 1)
            await jobs.delivered(lone, Delivery(lone, 20, 10), now)
            takes = [job.id for job in await jobs.add_takes(requests_of(request(), 2), now, **MANY)]
            assert [await claimed(), await claimed()] == takes
            now += 30
            for take in takes:
                await rendered(take, 2)
            # Delivered long after: what takes wait for each other is no part of their pace.
            now += 500
            assert sorted(await jobs.takes.delivered(takes[0], Delivery(1, 20, 10), now)) == takes

        estimates = Estimates(jobs, clips, {}, 1, lambda: now)
        for _ in range(2):
            await jobs.add(request(), now, **MANY)
        first = await claimed()
        now += 10
        estimates.progress(first, 0.5, 1.0)
        positions = await estimates.positions()
        [second] = positions.keys() - {first}
        # The first has half of its 20 s and the finishing to go, slowed by the second, which begins now.
        end = 1.5 * (10 + FINISHING_SECONDS)
        assert positions[first].seconds == pytest.approx(end, rel=0.05)
        assert positions[second].seconds == pytest.approx(end + 20 - end / 1.5, rel=0.05)
        assert await claimed() == second
        now += 7.5
        estimates.progress(first, 0.75, (10 + 15) / 17.5)
        estimates.progress(second, 0.25, 2.0)
        positions = await estimates.positions()
        end = 1.5 * (5 + FINISHING_SECONDS)
        assert positions[first].seconds == pytest.approx(end, rel=0.05)
        assert positions[second].seconds == pytest.approx(end + 15 + FINISHING_SECONDS - end / 1.5, rel=0.05)
