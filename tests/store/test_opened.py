"""Clips that came from files: how many files are kept, and what they do not count for."""

from __future__ import annotations

from bot.store.clip_search import ClipFilter, ClipSearch
from bot.store.clips import Clip, Clips
from bot.store.database import Database
from bot.store.job_model import Daily
from bot.store.jobs import Jobs
from bot.store.opened import MAX_OPENED, NewOpened, OpenedClips
from tests.builders import recipe, request


async def opened(database: Database, number: int = 0, user_id: int = 1) -> tuple[Clip, list[str]]:
    new = NewOpened(
        recipe=recipe(prompt=f"file {number}", seconds=10),
        sha256=f"{number:064x}",
        ending=".flac",
        facts={"title": "Model", "licence": "MIT"},
        user_id=user_id,
        guild_id=10,
        channel_id=20,
        application_id=30,
    )
    return await OpenedClips(database).add(new, 100.0 + number)


async def test_the_files_of_the_newest_are_kept_for_each_member(database: Database) -> None:
    other, _ = await opened(database, 0, user_id=2)
    clips = [(await opened(database, number)) for number in range(MAX_OPENED + 2)]
    removed = [name for _, names in clips for name in names]
    assert removed == [clip.file for clip, _ in clips[:2]]
    kept = [(await Clips(database).get(clip.id)).file for clip, _ in clips]
    assert kept == ["", "", *(clip.file for clip, _ in clips[2:])]
    assert (await Clips(database).get(other.id)).file == other.file == f"{other.job_id:08}.flac"


async def test_a_file_is_found_again_until_its_clip_is_deleted(database: Database) -> None:
    store = OpenedClips(database)
    clip, _ = await opened(database, 7)
    assert await store.find(1, f"{7:064x}") == clip
    assert await store.find(2, f"{7:064x}") is None
    assert await store.rendered(1, clip.recipe) == []
    async with database.write() as tx:
        await tx.execute("UPDATE clips SET deleted_at = 1 WHERE id = :id", {"id": clip.id})
    assert await store.find(1, f"{7:064x}") is None


async def test_nothing_counts_it_as_a_request_or_as_rendered_here(database: Database) -> None:
    jobs, clips = Jobs(database), Clips(database)
    clip, _ = await opened(database)
    assert await jobs.recent_prompts(1, "", 10) == []
    assert await clips.usual_seconds(clip.recipe.model) is None
    assert await clips.slots(clip.recipe.model) is None
    assert await jobs.expectations.outcomes() == []
    limited = request(recipe=recipe(seconds=10), guild_id=10, user_id=1, daily=Daily(member_seconds=10))
    await jobs.add(limited, 200.0, per_member=1, in_all=1)
    [entry] = await ClipSearch(database).own(1, ClipFilter(), before=None, limit=5)
    assert (entry.clip, entry.reason) == (clip, "opened from a file")
