"""Takes: what a group of jobs is in the outbox for, whatever happened to each of them in whatever order."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import LimitReached
from bot.jobs.takes import requests_of, seeds_of
from bot.recipe import MAX_SEED
from bot.store.clips import NewClip
from bot.store.database import Database
from bot.store.job_model import Delivery, State
from bot.store.jobs import Jobs
from tests.builders import recipe, request

MANY = {"per_member": 99, "in_all": 99}
ENDS = st.lists(st.sampled_from(["rendered", "failed", "cancelled", "died"]), min_size=2, max_size=4)
CLIP = NewClip(file="a.mp3", picture="a.png", facts={})


def test_seeds_follow_the_first_one_and_begin_anew_behind_the_largest() -> None:
    assert seeds_of(7, 4) == [7, 8, 9, 10]
    assert seeds_of(MAX_SEED, 3) == [MAX_SEED, 0, 1]


def test_takes_share_the_upload_limit() -> None:
    parts = requests_of(request(recipe=recipe(seed=1), max_bytes=1000), 4)
    assert [one.max_bytes for one in parts] == [250] * 4
    assert [one.recipe for one in parts] == [recipe(seed=seed) for seed in (1, 2, 3, 4)]


async def test_takes_that_exceed_a_limit_are_refused_together(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "takes.db", now=0) as database:
        jobs = Jobs(database)
        with pytest.raises(LimitReached):
            await jobs.add_takes(requests_of(request(), 4), 0, per_member=3, in_all=99)
        assert await jobs.waiting() == []


@given(ends=ENDS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_group_is_delivered_once_when_and_only_when_it_is_settled(
    tmp_path_factory: pytest.TempPathFactory, ends: list[str]
) -> None:
    asyncio.run(_lives(tmp_path_factory.mktemp("takes") / "takes.db", ends))


async def _lives(path: Path, ends: list[str]) -> None:
    async with Database.open(path, now=0) as database:
        jobs = Jobs(database)
        added = await jobs.add_takes(requests_of(request(), len(ends)), 0, **MANY)
        first = added[0].id
        for job, end in zip(added, ends, strict=True):
            await jobs.claim(1)
            assert await jobs.outbox() == [], "one is running"
            assert await jobs.takes.delivered(first, Delivery(5, 6, 7), 1) == [], "one is running"
            if end == "died":
                await jobs.requeue_running(1, "attempts", 1, "died")
            elif end == "rendered":
                await jobs.rendered(job.id, CLIP, 1)
            elif end == "failed":
                await jobs.fail(job.id, "broken", 1)
            else:
                await jobs.cancel(job.id, 1)
        [due] = await jobs.outbox()
        rendered = [job.id for job, end in zip(added, ends, strict=True) if end == "rendered"]
        assert due.id == first
        assert due.state is (State.RENDERED if rendered else State.FAILED)
        assert await jobs.takes.delivered(first, Delivery(5, 6, 7), 2) == rendered
        assert await jobs.takes.delivered(first, Delivery(5, 6, 7), 3) == [], "once"
        if not rendered:
            await jobs.takes.notified(first)
        assert await jobs.outbox() == []
        assert {job.interaction_token for job in await jobs.takes.jobs(first)} == {None}
