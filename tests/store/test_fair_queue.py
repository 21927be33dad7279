"""The order of the queue: shares of members, newcomers and servers; short clips, preferred members."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.store.database import Database
from bot.store.job_model import Job
from bot.store.jobs import Jobs
from bot.store.newcomers import NEWCOMER_SECONDS
from tests.builders import recipe, request

LIMITS: dict[str, Any] = {"per_member": 10_000, "in_all": 10_000}
BEFORE, NOW = 1_000_000.0, 1_100_000.0
FACTOR = 3.0
"""What a second of audio counts in seconds of waiting."""
SHARE, PREFERENCE = 3600, 1800
"""The most that the audio of the server, and its settings, count in seconds of waiting."""


async def ask(
    jobs: Jobs,
    user_id: int,
    now: float = NOW,
    seconds: float = 10,
    guild_id: int | None = 10,
    priority: bool = False,
) -> Job:
    asked = request(user_id=user_id, guild_id=guild_id, recipe=recipe(seconds=seconds), priority=priority)
    return await jobs.add(asked, now, **LIMITS)


async def take(jobs: Jobs, now: float) -> Job:
    """Claim a job and be done with it."""
    job = await jobs.claim(now)
    assert job is not None
    await jobs.fail(job.id, "done", now)
    return job


async def introduce(jobs: Jobs, *user_ids: int) -> None:
    """Serve each member once, in this order, a day before."""
    for number, user_id in enumerate(user_ids):
        await ask(jobs, user_id, BEFORE)
        await take(jobs, BEFORE + number)


async def test_a_raid_of_new_accounts_gets_one_members_turn(database: Database) -> None:
    jobs = Jobs(database)
    await introduce(jobs, 1, 2, 3)
    for account in range(100, 200):
        for _ in range(2):
            await ask(jobs, account, guild_id=66)
    for user_id, guild_id in ((1, 10), (2, 66), (3, None)):
        for _ in range(5):
            await ask(jobs, user_id, guild_id=guild_id)
    served = [(await take(jobs, NOW + n)).user_id for n in range(20)]
    assert [served.count(user_id) for user_id in (1, 2, 3)] == [5, 5, 5]
    assert len({user_id for user_id in served if user_id >= 100}) == 5, "and takes turns within it"


async def test_newcomers_of_each_server_share_a_turn_of_their_own(database: Database) -> None:
    jobs = Jobs(database)
    servers = (66, 10, None)
    for account in range(100, 160):
        await ask(jobs, account, guild_id=66)
    for account, guild_id in ((1, 10), (2, 10), (3, None), (4, None)):
        await ask(jobs, account, guild_id=guild_id)
    served = [(await take(jobs, NOW + n)).guild_id for n in range(6)]
    assert {guild_id: served.count(guild_id) for guild_id in servers} == {66: 2, 10: 2, None: 2}


async def test_a_newcomer_has_turns_of_their_own_an_hour_after_the_first(database: Database) -> None:
    jobs = Jobs(database)
    await ask(jobs, 1, NOW)
    await take(jobs, NOW)
    soon = await ask(jobs, 1, NOW + NEWCOMER_SECONDS - 1)
    # While that one waits, the next keeps behind it.
    after = await ask(jobs, 1, NOW + NEWCOMER_SECONDS)
    rows = await database.read("SELECT id, newcomer FROM jobs ORDER BY id", {})
    assert [row["newcomer"] for row in rows] == [1, 1, 1]
    assert [job.id for job in await jobs.waiting()] == [soon.id, after.id]
    for n in range(2):
        await take(jobs, NOW + NEWCOMER_SECONDS + n)
    later = await ask(jobs, 1, NOW + NEWCOMER_SECONDS + 2)
    rows = await database.read("SELECT newcomer FROM jobs WHERE id = :id", {"id": later.id})
    assert rows[0]["newcomer"] == 0


async def test_a_short_clip_does_not_wait_behind_ten_long_ones(database: Database) -> None:
    jobs = Jobs(database)
    await introduce(jobs, *range(1, 12))
    for user_id in range(1, 11):
        await ask(jobs, user_id, seconds=180)
    short = await ask(jobs, 11, NOW + 60, seconds=5)
    assert (await jobs.waiting())[0].id == short.id
    # Asked for once the long ones have waited for 3 s a second of audio, it comes behind them.
    await jobs.cancel(short.id, NOW + 60)
    late = await ask(jobs, 11, NOW + FACTOR * 180, seconds=5)
    assert (await jobs.waiting())[-1].id == late.id


async def test_a_requeued_job_keeps_its_turn(database: Database) -> None:
    jobs = Jobs(database)
    await introduce(jobs, 1, 2, 3)
    first = await ask(jobs, 1)
    await ask(jobs, 2)
    await jobs.claim(NOW)
    await jobs.release_running()
    await ask(jobs, 3)
    assert (await jobs.waiting())[0].id == first.id


async def test_a_small_server_is_not_starved_by_a_large_one(database: Database) -> None:
    jobs = Jobs(database)
    large, small = range(1, 31), (31, 32)
    await introduce(jobs, *large, *small)
    for user_id in large:
        await ask(jobs, user_id, guild_id=10)
    for n in range(10):
        await take(jobs, NOW + n)
    for user_id in small:
        await ask(jobs, user_id, NOW + 10, guild_id=20)
    served = [(await take(jobs, NOW + 11 + n)).user_id for n in range(4)]
    assert set(small) <= set(served), (
        "those of the large one came earlier, and their server had all of the hour"
    )


async def test_newcomers_of_a_small_server_have_no_more_than_a_turn(database: Database) -> None:
    jobs = Jobs(database)
    members = range(1, 6)
    await introduce(jobs, *members)
    for user_id in members:
        await ask(jobs, user_id)
        await take(jobs, NOW + user_id)
    for account in range(100, 120):
        await ask(jobs, account, NOW + 10, guild_id=20)
    for user_id in members:
        await ask(jobs, user_id, NOW + 10)
    served = [(await take(jobs, NOW + 10 + n)).user_id for n in range(6)]
    assert sorted(served)[:5] == list(members)


async def test_a_raid_is_not_its_servers_audio(database: Database) -> None:
    jobs = Jobs(database)
    await introduce(jobs, 1, 2, 3)
    await ask(jobs, 3, guild_id=10)
    await take(jobs, NOW)
    for account in range(100, 110):
        await ask(jobs, account, guild_id=20)
        await take(jobs, NOW)
    first = await ask(jobs, 1, NOW + 1, guild_id=20)
    await ask(jobs, 2, NOW + 2, guild_id=10)
    assert (await jobs.waiting())[0].id == first.id


async def test_who_was_served_lately_in_a_small_server_waits_for_those_of_a_large_one(
    database: Database,
) -> None:
    jobs = Jobs(database)
    await introduce(jobs, *range(1, 12))
    for _ in range(3):
        await ask(jobs, 11, guild_id=20)
    for user_id in range(1, 11):
        await ask(jobs, user_id, guild_id=10)
    served = [(await take(jobs, NOW + n)).user_id for n in range(13)]
    assert sorted(served[:11]) == list(range(1, 12)), "a member's turn is one of eleven, not every second"
    assert served[11:] == [11, 11]


async def test_preferred_members_come_first_within_half_an_hour_and_their_server_alone_pays(
    database: Database,
) -> None:
    jobs = Jobs(database)
    await introduce(jobs, *range(1, 8))
    own = [(await ask(jobs, user_id, NOW + user_id)).id for user_id in (1, 2)]
    other = [(await ask(jobs, user_id, NOW + user_id, guild_id=20)).id for user_id in (3, 4)]
    last = (await ask(jobs, 5, NOW + 5)).id
    before = [job.id for job in await jobs.waiting()]
    assert before == [*own, *other, last]
    preferred = (await ask(jobs, 6, NOW + 6, priority=True)).id
    assert [job.id for job in await jobs.waiting()] == [preferred, own[0], *other, own[1], last]
    # It comes before those of half an hour at most, and no round before others.
    await jobs.cancel(preferred, NOW + 7)
    late = (await ask(jobs, 6, NOW + 1804, priority=True)).id
    second = (await ask(jobs, 6, NOW + 1804, priority=True)).id
    assert [job.id for job in await jobs.waiting()] == [*own, *other, late, last, second]


@settings(max_examples=8, deadline=None)
@given(
    guild_id=st.sampled_from([10, 20]),
    length=st.sampled_from([10.0, 60.0, 180.0]),
    others=st.integers(1, 4),
    short=st.sampled_from([1.0, 5.0]),
    step=st.sampled_from([40.0, 60.0]),
)
def test_no_member_overtakes_a_long_clip_without_end(
    guild_id: int, length: float, others: int, short: float, step: float
) -> None:
    """Others ask for a short clip again as soon as theirs is claimed, and new accounts come all the time."""

    async def run(path: Path) -> None:
        async with Database.open(path, now=0) as database:
            jobs, now = Jobs(database), NOW
            members = list(range(2, 2 + others))
            await introduce(jobs, 1, *members)
            await ask(jobs, 1, now)
            await take(jobs, now)  # Served last of all, so that only the length of its clip can hold it back.
            long = await ask(jobs, 1, now, seconds=length)
            for user_id in members:
                await ask(jobs, user_id, now, short, guild_id, priority=True)
            overtaking: list[tuple[int, float]] = []
            while (job := await take(jobs, now)).id != long.id:
                overtaking.append((job.user_id, now))
                if job.user_id in members:
                    await ask(jobs, job.user_id, now, short, guild_id, priority=True)
                now += step
                await ask(jobs, 1000 + len(overtaking), now, short, guild_id)
            # A flow is served at most once after what counts against the clip; the newcomers are one flow.
            counted = FACTOR * length + (PREFERENCE if guild_id == 10 else SHARE)
            late = [user_id for user_id, at in overtaking if at > NOW + counted]
            assert len(late) <= others + 1
            assert len(overtaking) <= counted / step + others + 2

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder) / "a.db"))


def events(lengths: list[float], guilds: list[int | None]) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    asked = st.tuples(
        st.just("ask"), st.integers(1, 8), st.sampled_from(guilds), st.sampled_from(lengths), st.booleans()
    )
    return st.lists(
        st.one_of(asked, asked, st.just(("take",)), st.tuples(st.just("cancel"), st.integers(0, 30))),
        max_size=30,
    )


async def follow(path: Path, happened: list[tuple[Any, ...]]) -> tuple[list[int], list[int]]:
    """Return the ids as shown after the events, and as claimed; each claim is the first shown then."""
    async with Database.open(path, now=0) as database:
        jobs, now = Jobs(database), NOW
        await introduce(jobs, 1, 2, 3, 4)  # The others are newcomers.
        for event in happened:
            now += 7
            if event[0] == "ask":
                await ask(jobs, event[1], now, event[3], event[2], event[4])
            elif event[0] == "cancel":
                await jobs.cancel(event[1], now)
            elif await jobs.waiting():
                await take(jobs, now)
        shown, claimed = [job.id for job in await jobs.waiting()], []
        while waiting := await jobs.waiting():
            now += 7
            assert [job.queue_position for job in waiting] == list(range(1, len(waiting) + 1))
            claimed.append((await take(jobs, now)).id)
            assert claimed[-1] == waiting[0].id
        return shown, claimed


@settings(max_examples=10, deadline=None)
@given(happened=events([10.0], [10]))
def test_clips_of_one_length_and_server_are_claimed_in_the_order_that_is_shown(
    happened: list[tuple[Any, ...]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shown, claimed = asyncio.run(follow(Path(folder) / "a.db", happened))
    assert claimed == shown


@settings(max_examples=10, deadline=None)
@given(happened=events([5.0, 60.0, 180.0], [10, 11, None]))
def test_the_first_that_is_shown_is_claimed_and_none_is_left(happened: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shown, claimed = asyncio.run(follow(Path(folder) / "a.db", happened))
    assert sorted(claimed) == sorted(shown)


async def test_the_work_of_the_queue_grows_with_it_and_not_with_its_square(tmp_path: Path) -> None:
    few, many = [await instructions(tmp_path / f"{jobs}.db", waiting=jobs) for jobs in (100, 800)]
    # Eight times the jobs, with the logarithm of the sorting; the square would be 64 times the work.
    assert many < 12 * few


async def test_the_work_of_the_queue_does_not_grow_with_what_its_members_had(tmp_path: Path) -> None:
    fresh = await instructions(tmp_path / "fresh.db", waiting=20)
    old = await instructions(tmp_path / "old.db", waiting=20, had=400)
    assert old < 1.5 * fresh


async def instructions(path: Path, *, waiting: int, had: int = 0) -> int:
    """Return the instructions of SQLite's virtual machine that reading the queue takes.

    waiting: jobs of four members of two servers.  had: jobs that were claimed two hours before.
    """
    async with Database.open(path, BEFORE) as database:
        jobs = Jobs(database)
        for number in range(had):
            await ask(jobs, number % 4, NOW - 7200)
            await take(jobs, NOW - 7200)
        # Claimed last, so that both databases have an hour with audio to look at.
        await ask(jobs, 4, NOW)
        await take(jobs, NOW)
        for number in range(waiting):
            await ask(jobs, number % 4, NOW + number, guild_id=number % 2)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with closing(sqlite3.connect(path)) as connection:
        connection.set_progress_handler(count, 1)
        connection.execute("SELECT * FROM queue").fetchall()
    return steps
