from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import Settings
from bot.jobs.janitor import Janitor
from bot.store.clips import Clips
from bot.store.database import Database
from bot.store.jobs import Jobs
from tests.builders import new_clip, request

KILOBYTE = 1e-6
"""In gigabytes."""


async def deliver_clips(database: Database, folder: Path, count: int) -> None:
    """Store clips of 1 kB each, half of it the picture."""
    jobs = Jobs(database)
    for number in range(count):
        job = await jobs.add(request(), 0, per_member=99, in_all=99)
        await jobs.claim(number + 1)
        await jobs.rendered(job.id, new_clip(str(job.id)), 2)
        await jobs.delivered(job.id, 5, 3)
        for name in (f"{job.id}.mp3", f"{job.id}.png"):
            (folder / name).write_bytes(bytes(500))


@pytest.mark.parametrize(("keep", "left"), [(2 * KILOBYTE, [4, 5]), (9 * KILOBYTE, [1, 2, 3, 4, 5])])
async def test_the_oldest_files_go_until_the_rest_fits(
    database: Database, tmp_path: Path, keep: float, left: list[int]
) -> None:
    await deliver_clips(database, tmp_path, 5)
    clips = Clips(database)
    janitor = Janitor(clips, Settings(_env_file=None, clip_dir=tmp_path, keep_clips_gb=keep), lambda: 0.0)
    assert await janitor.tidy() == 5 - len(left)
    assert sorted(int(path.stem) for path in tmp_path.glob("*.mp3")) == left
    assert sorted(int(path.stem) for path in tmp_path.glob("*.png")) == left
    assert len(await clips.of_member(1, before=None, limit=9)) == 5
    assert await janitor.tidy() == 0


async def test_a_clip_that_is_not_delivered_keeps_its_files(database: Database, tmp_path: Path) -> None:
    jobs = Jobs(database)
    job = await jobs.add(request(), 0, per_member=9, in_all=9)
    await jobs.claim(1)
    await jobs.rendered(job.id, new_clip(), 2)
    (tmp_path / "1.mp3").write_bytes(bytes(500))
    tiny = Settings(_env_file=None, clip_dir=tmp_path, keep_clips_gb=1e-9)
    assert await Janitor(Clips(database), tiny, lambda: 0.0).tidy() == 0
    assert (tmp_path / "1.mp3").exists()
