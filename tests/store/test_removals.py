from __future__ import annotations

from typing import Any

import pytest

from bot.store.clip_search import ClipFilter, ClipSearch
from bot.store.database import Database
from bot.store.deletions import Deletions
from bot.store.duels.model import DuelState
from bot.store.duels.repository import Duels
from bot.store.job_model import Delivery, State
from bot.store.jobs import Jobs
from bot.store.removals import Removals
from tests.builders import new_clip, new_duel, request

MANY: dict[str, Any] = {"max_open": 99, "per_member": 99, "in_all": 99}
LIMITS = {"per_member": 99, "in_all": 99}


async def duel_in(database: Database, stage: DuelState) -> int:
    """Return the id of a duel of channel 20 in server 10 that is so far; its message is 77."""
    duels, jobs = Duels(database), Jobs(database)
    duel, started = await duels.start(new_duel(), 0, **MANY)
    if stage is DuelState.RENDERING:
        return duel.id
    for job in started:
        await jobs.claim(1)
        await jobs.rendered(job.id, new_clip(str(job.id)), 2)
    await duels.ready(duel.id, file_a="a", file_b="b", picture="p")
    if stage is not DuelState.READY:
        await duels.opened(duel.id, 77, 100.0, 200.0)
    if stage is DuelState.CLOSED:
        await duels.close(duel.id, 150.0)
    return duel.id


@pytest.mark.parametrize("stage", [DuelState.OPEN, DuelState.CLOSED])
async def test_a_duel_without_its_message_is_over_once(database: Database, stage: DuelState) -> None:
    duel_id, removals, duels = await duel_in(database, stage), Removals(database), Duels(database)
    assert await removals.known([1, 77]) == [77]
    assert (await removals.messages([1, 77], 300)).duel_ids == (duel_id,)
    assert (await removals.messages([77], 301)).duel_ids == ()
    assert (await duels.get(duel_id)).state is DuelState.REVEALED
    assert await duels.due(1e9) == []
    await duels.start(new_duel(), 302, **MANY | {"max_open": 1})
    [first, _] = await ClipSearch(database).own(1, ClipFilter(), before=None, limit=9)
    assert first.reason == "not delivered: The message was deleted in Discord."


@pytest.mark.parametrize("stage", [DuelState.RENDERING, DuelState.READY])
@pytest.mark.parametrize("place", ["channel", "guild"])
async def test_a_duel_without_its_place_fails_with_its_jobs(
    database: Database, stage: DuelState, place: str
) -> None:
    duel_id, removals, duels = await duel_in(database, stage), Removals(database), Duels(database)
    elsewhere = await Jobs(database).add(request(channel_id=21, guild_id=11), 0, **LIMITS)
    removed = await (removals.channel(20, 5) if place == "channel" else removals.guild(10, 5))
    assert removed.duel_ids == (duel_id,)
    assert len(removed.job_ids) == (2 if stage is DuelState.RENDERING else 0)
    assert (await duels.get(duel_id)).state is DuelState.FAILED
    assert await duels.due(1e9) == []
    assert (await Jobs(database).get(elsewhere.id)).state is State.QUEUED


async def test_a_job_without_its_progress_is_cancelled(database: Database) -> None:
    jobs, removals = Jobs(database), Removals(database)
    job = await jobs.add(request(), 0, **LIMITS)
    await jobs.answered(job.id, 44)
    other = await jobs.add(request(), 0, **LIMITS)
    assert (await removals.messages([44], 5)).job_ids == (job.id,)
    assert await jobs.outbox() == []
    assert (await jobs.get(job.id)).state is State.CANCELLED
    assert (await jobs.get(other.id)).state is State.QUEUED


async def test_a_clip_without_its_message_stays_and_says_so(database: Database) -> None:
    jobs, removals = Jobs(database), Removals(database)
    job = await jobs.add(request(), 0, **LIMITS)
    await jobs.claim(1)
    await jobs.rendered(job.id, new_clip(), 2)
    await jobs.delivered(job.id, Delivery(55, 20, 10), 3)
    await removals.messages([55], 5)
    [entry] = await ClipSearch(database).own(1, ClipFilter(), before=None, limit=9)
    assert (entry.clip.message_id, entry.reason) == (None, "its message was deleted in Discord")
    assert await removals.known([55]) == []


async def test_a_message_that_this_program_deletes_is_nothing_new(database: Database) -> None:
    jobs, removals = Jobs(database), Removals(database)
    job = await jobs.add(request(), 0, **LIMITS)
    await jobs.claim(1)
    await jobs.rendered(job.id, new_clip(), 2)
    await jobs.delivered(job.id, Delivery(55, 20, 10), 3)
    await Deletions(database).begin(1, 4)
    assert await removals.known([55]) == []


async def test_messages_of_a_lost_server_can_still_be_seen(database: Database) -> None:
    jobs, removals = Jobs(database), Removals(database)
    job = await jobs.add(request(), 0, **LIMITS)
    await jobs.claim(1)
    await jobs.rendered(job.id, new_clip(), 2)
    await jobs.delivered(job.id, Delivery(55, 20, 10), 3)
    await removals.guild(10, 5)
    [entry] = await ClipSearch(database).own(1, ClipFilter(), before=None, limit=9)
    assert (entry.clip.message_id, entry.reason) == (55, None)
    await removals.channel(20, 6)
    [entry] = await ClipSearch(database).own(1, ClipFilter(), before=None, limit=9)
    assert entry.clip.message_id is None


async def test_a_clip_that_only_its_member_saw_has_no_link(database: Database) -> None:
    jobs = Jobs(database)
    for ephemeral in (False, True):
        job = await jobs.add(request(), 0, **LIMITS)
        await jobs.claim(1)
        await jobs.rendered(job.id, new_clip(str(job.id)), 2)
        await jobs.delivered(job.id, Delivery(55, 20, 10, ephemeral=ephemeral), 3)
    newest, oldest = await ClipSearch(database).own(1, ClipFilter(), before=None, limit=9)
    assert newest.reason is not None
    assert "to you alone" in newest.reason
    assert oldest.reason is None
