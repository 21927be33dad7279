"""Seconds of audio within 24 hours and the share of the queue, as the database counts them."""

from __future__ import annotations

import pytest

from bot.errors import LimitReached
from bot.store.database import Database
from bot.store.job_model import Daily, Job
from bot.store.jobs import Jobs
from tests.builders import recipe, request

DAY = 86_400.0


async def add(jobs: Jobs, now: float, seconds: float = 10, **changes: object) -> Job:
    made = request(recipe=recipe(seconds=seconds), **changes)
    return await jobs.add(made, now, per_member=100, in_all=100)


async def test_a_members_day_is_used_up_and_comes_back(database: Database) -> None:
    jobs, daily = Jobs(database), Daily(member_seconds=30)
    for _ in range(2):
        await add(jobs, 0, daily=daily)
    with pytest.raises(LimitReached, match="30 s of audio within 24 hours, and you have asked for 20 s"):
        await add(jobs, 1, seconds=11, daily=daily)
    await add(jobs, 1, daily=daily)
    await add(jobs, 1, user_id=2, daily=daily)
    await add(jobs, 1, guild_id=11, daily=daily)
    with pytest.raises(LimitReached):
        await add(jobs, DAY - 1, daily=daily)
    await add(jobs, DAY + 0.5, daily=daily)


async def test_a_servers_day_counts_all_its_members(database: Database) -> None:
    jobs, daily = Jobs(database), Daily(server_seconds=25)
    await add(jobs, 0, daily=daily)
    await add(jobs, 0, user_id=2, daily=daily)
    with pytest.raises(LimitReached, match="25 s of audio within 24 hours, and 20 s are used"):
        await add(jobs, 0, user_id=3, daily=daily)
    await add(jobs, 0, user_id=3, guild_id=11, daily=daily)
    await add(jobs, 0, user_id=3, guild_id=None, daily=daily)


async def test_what_was_cancelled_or_failed_is_given_back(database: Database) -> None:
    jobs, daily = Jobs(database), Daily(member_seconds=10)
    first = await add(jobs, 0, daily=daily)
    await jobs.cancel(first.id, 1)
    second = await add(jobs, 1, daily=daily)
    await jobs.fail(second.id, "broken", 2)
    await add(jobs, 2, daily=daily)


async def test_a_server_fills_its_share_of_the_queue_and_no_more(database: Database) -> None:
    jobs, daily = Jobs(database), Daily(queue_share=0.02)
    await add(jobs, 0, daily=daily)
    second = await add(jobs, 0, user_id=2, daily=daily)
    with pytest.raises(LimitReached, match="already has 2 clips in the queue, and 2 is its share"):
        await add(jobs, 0, user_id=3, daily=daily)
    await add(jobs, 0, user_id=3, guild_id=11, daily=daily)
    await jobs.cancel(second.id, 1)
    await add(jobs, 1, user_id=3, daily=daily)


async def test_a_member_waits_between_requests_and_the_clips_of_one_request_do_not(
    database: Database,
) -> None:
    jobs, daily = Jobs(database), Daily(cooldown_seconds=60)
    await add(jobs, 0, daily=daily, interaction_id=1)
    await add(jobs, 0.5, daily=daily, interaction_id=1)
    with pytest.raises(LimitReached, match=r"every 60 s\. Try again in 2 s\."):
        await add(jobs, 58.9, daily=daily, interaction_id=2)
    await add(jobs, 58.9, user_id=2, daily=daily, interaction_id=3)
    await add(jobs, 58.9, guild_id=11, daily=daily, interaction_id=4)
    await add(jobs, 60.5, daily=daily, interaction_id=5)
