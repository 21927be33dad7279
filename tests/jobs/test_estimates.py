"""Estimates of waiting clips on a database of earlier ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.jobs.estimates import Estimates
from bot.jobs.eta import FINISHING_SECONDS
from bot.jobs.takes import requests_of
from bot.store.clips import Clips, NewClip
from bot.store.database import Database
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
