"""The rows of comparisons: one a server, one clip at a time, each measured once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.errors import LimitReached
from bot.store.comparisons import Comparisons, ComparisonState, NewComparison
from bot.store.database import Database
from bot.store.job_model import State
from bot.store.jobs import Jobs
from tests.builders import new_clip, request

MANY = {"per_member": 99, "in_all": 99}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "comparisons.db", now=0) as database:
        yield database


def new(**changes: Any) -> NewComparison:
    known: dict[str, Any] = {
        "prompt": "techno",
        "seeds": 2,
        "plan": ({"a": 1}, {"b": 2}),
        "user_id": 1,
        "guild_id": 10,
        "channel_id": 20,
        "application_id": 30,
        "max_bytes": 10**7,
        "message_id": 40,
    }
    return NewComparison(**known | changes)


async def test_of_two_started_at_once_one_runs(database: Database) -> None:
    store = Comparisons(database)
    found = await asyncio.gather(
        *(store.start(new(user_id=user), 1) for user in (1, 2)), return_exceptions=True
    )
    assert [type(one) for one in found if isinstance(one, Exception)] == [LimitReached]
    with pytest.raises(LimitReached, match="already runs"):
        await store.check_none_runs(10)
    await store.check_none_runs(11)
    await store.start(new(guild_id=11), 1)
    assert len(await store.going()) == 2


async def test_a_clip_is_measured_once_and_then_gone(database: Database) -> None:
    store, jobs = Comparisons(database), Jobs(database)
    comparison = await store.start(new(), 1)
    job = await store.add_job(comparison.id, request(), 1, **MANY)
    assert job is not None
    assert await store.add_job(comparison.id, request(), 1, **MANY) is None, "one at a time"
    assert await store.makes(job.id)
    await jobs.claim(2)
    clip = await jobs.rendered(job.id, new_clip(), 3)
    assert clip is not None
    assert await jobs.outbox() == [], "it is never delivered on its own"
    assert await store.add_measured(comparison.id, job.id, {"x": 1}, 4)
    assert not await store.add_measured(comparison.id, job.id, {"x": 1}, 4)
    after = await store.get(comparison.id)
    assert (after.measured, after.job_id) == (({"x": 1},), None)
    assert (await jobs.get(job.id)).state is State.DELIVERED
    assert await database.read("SELECT 1 FROM clips WHERE deleted_at IS NULL OR file <> ''", {}) == []


async def test_the_end_names_the_clip_that_is_left(database: Database) -> None:
    store, jobs = Comparisons(database), Jobs(database)
    comparison = await store.start(new(), 1)
    job = await store.add_job(comparison.id, request(), 1, **MANY)
    assert job is not None
    assert await store.end(comparison.id, "cancelled", 2) == job.id
    assert await store.end(comparison.id, "again", 3) is None
    ended = await store.get(comparison.id)
    assert (ended.state, ended.why) == (ComparisonState.ENDED, "cancelled")
    assert await store.add_job(comparison.id, request(), 4, **MANY) is None, "it is over"
    await store.posted(comparison.id)
    assert await store.going() == []
    assert (await jobs.get(job.id)).state is State.QUEUED, (
        "the service cancels it, which also stops the worker"
    )
