"""Which stored audio is still in use."""

from __future__ import annotations

from bot.recipe import Role
from bot.store.clips import Clips
from bot.store.database import Database
from bot.store.jobs import Jobs
from tests.builders import new_clip, recipe, request

MANY = {"per_member": 1000, "in_all": 1000}


async def test_stored_sources_of_open_jobs_and_of_clips_with_files_are_in_use(database: Database) -> None:
    jobs, clips = Jobs(database), Clips(database)
    for digit in "ab":
        job = await jobs.add(request(recipe=recipe(sources={Role.REFERENCE: digit * 64})), 0, **MANY)
        await jobs.claim(1)
        clip = await jobs.rendered(job.id, new_clip(digit), 2)
    assert clip is not None
    await clips.files_removed(clip.id)
    both = {Role.MELODY: "c" * 64, Role.START: clip.id}
    await jobs.add(request(recipe=recipe(sources=both)), 3, **MANY)
    await jobs.add(request(recipe=recipe()), 3, **MANY)
    assert await clips.stored_sources() == {"a" * 64, "c" * 64}
