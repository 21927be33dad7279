from __future__ import annotations

import asyncio

import pytest

from bot.errors import NotFound
from bot.store.clips import Clips
from bot.store.database import Database
from bot.store.deletions import Deletions, Press
from bot.store.duels.repository import Duels
from bot.store.job_model import Delivery
from bot.store.jobs import Jobs
from tests.builders import new_clip, new_duel, request

PRESS = Press(guild_id=10, channel_id=20, message_id=55, application_id=30, interaction_token="t")


async def delivered(database: Database, message_id: int = 55) -> int:
    """Return the id of a clip that one message carries."""
    jobs = Jobs(database)
    job = await jobs.add(request(), 0, per_member=9, in_all=9)
    await jobs.claim(1)
    clip = await jobs.rendered(job.id, new_clip(str(job.id)), 2)
    await jobs.delivered(job.id, Delivery(message_id, 20, 10), 3)
    assert clip is not None
    return clip.id


async def test_of_many_who_delete_at_once_one_does(database: Database) -> None:
    deletions, clip_id = Deletions(database), await delivered(database)
    begun = await asyncio.gather(*(deletions.begin(clip_id, 4, PRESS) for _ in range(20)))
    assert sum(begun) == 1
    [pending] = await deletions.pending()
    assert (pending.message_id, pending.interaction_token, pending.file) == (55, "t", "1.mp3")
    with pytest.raises(NotFound):
        await Clips(database).get(clip_id)


async def test_it_is_pending_until_it_is_finished(database: Database) -> None:
    deletions, clip_id = Deletions(database), await delivered(database)
    await deletions.begin(clip_id, 4)
    [pending] = await deletions.pending()
    assert (pending.message_id, pending.interaction_token) == (55, None)
    await deletions.finished(pending)
    assert await deletions.pending() == []
    assert await Clips(database).with_files() == []


async def test_a_copy_under_another_message_goes_with_the_clips_own(database: Database) -> None:
    deletions, clip_id = Deletions(database), await delivered(database, message_id=77)
    await deletions.begin(clip_id, 4, PRESS)
    assert [(one.message_id, one.interaction_token) for one in await deletions.pending()] == [
        (55, "t"),
        (77, None),
    ]


async def test_the_message_of_a_duel_stays_when_one_of_its_clips_goes(database: Database) -> None:
    duels, jobs, deletions = Duels(database), Jobs(database), Deletions(database)
    duel, _ = await duels.start(new_duel(), 0, max_open=9, per_member=9, in_all=9)
    while job := await jobs.claim(1):
        await jobs.rendered(job.id, new_clip(str(job.id)), 2)
    await duels.ready(duel.id, file_a="a", file_b="b", picture="p")
    await duels.opened(duel.id, 77, 100.0, 200.0)
    await duels.close(duel.id, 150.0)
    await duels.revealed(duel.id, 151.0)
    await deletions.begin(1, 152)
    [pending] = await deletions.pending()
    assert (pending.clip_id, pending.message_id) == (1, None)
