from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import pytest

from bot.config import Settings
from bot.duels.neutral import NeutralFiles
from bot.jobs.janitor import Janitor
from bot.jobs.melodies import Melodies
from bot.store.clips import Clips
from bot.store.database import Database
from bot.store.deletions import Deletions
from bot.store.duels.repository import Duels
from bot.store.job_model import Delivery
from bot.store.jobs import Jobs
from tests.builders import new_clip, new_duel, recipe, request

KILOBYTE = 1e-6
"""In gigabytes."""
OLD, NEW, WAITING, UNUSED = (digit * 64 for digit in "abcd")


def janitor_of(clips: Clips, folder: Path, keep_clips_gb: float) -> Janitor:
    settings = Settings(clip_dir=folder, keep_clips_gb=keep_clips_gb)
    return Janitor(clips, Melodies(folder), settings)


async def deliver_clips(
    database: Database, folder: Path, count: int, melodies: Sequence[str | None] = ()
) -> None:
    """Store clips of 1 kB each, half of it the picture."""
    jobs = Jobs(database)
    for number, melody in zip_longest(range(count), melodies):
        job = await jobs.add(request(recipe=recipe(melody=melody)), 0, per_member=99, in_all=99)
        await jobs.claim(number + 1)
        await jobs.rendered(job.id, new_clip(str(job.id)), 2)
        await jobs.delivered(job.id, Delivery(5, 20, 10), 3)
        for name in (f"{job.id}.mp3", f"{job.id}.png"):
            (folder / name).write_bytes(bytes(500))


@pytest.mark.parametrize(("keep", "left"), [(2 * KILOBYTE, [4, 5]), (9 * KILOBYTE, [1, 2, 3, 4, 5])])
async def test_the_oldest_files_go_until_the_rest_fits(
    database: Database, tmp_path: Path, keep: float, left: list[int]
) -> None:
    await deliver_clips(database, tmp_path, 5)
    clips = Clips(database)
    janitor = janitor_of(clips, tmp_path, keep)
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
    assert await janitor_of(Clips(database), tmp_path, 1e-9).tidy() == 0
    assert (tmp_path / "1.mp3").exists()


@pytest.mark.parametrize(
    ("keep", "clips_left", "melodies_left"),
    [
        (4.5 * KILOBYTE, 2, {OLD, NEW, WAITING}),
        (3.5 * KILOBYTE, 1, {NEW, WAITING}),
        (0, 3, {OLD, NEW, WAITING}),
    ],
)
async def test_a_melody_counts_and_goes_with_the_last_clip_that_follows_it(
    database: Database, tmp_path: Path, keep: float, clips_left: int, melodies_left: set[str]
) -> None:
    (tmp_path / "melodies").mkdir()
    for digest in (OLD, NEW, WAITING, UNUSED):
        (tmp_path / "melodies" / digest).write_bytes(bytes(1000))
    await deliver_clips(database, tmp_path, 3, [OLD, OLD, NEW])
    await Jobs(database).add(request(recipe=recipe(melody=WAITING)), 9, per_member=9, in_all=9)
    assert await janitor_of(Clips(database), tmp_path, keep).tidy() == 3 - clips_left
    assert {file.name for file in (tmp_path / "melodies").iterdir()} == melodies_left


async def test_files_that_an_interrupted_removal_left_go_at_the_start(
    database: Database, tmp_path: Path
) -> None:
    jobs, clips, duels = Jobs(database), Clips(database), Duels(database)
    settings = Settings(clip_dir=tmp_path)

    async def job() -> str:
        added = await jobs.add(request(), 0, per_member=99, in_all=99)
        return f"{added.id:08}"

    kept, deleted, removed, failed, cancelled, running, waiting = [await job() for _ in range(7)]
    for name in (kept, deleted, removed):
        await jobs.claim(1)
        await jobs.rendered(int(name), new_clip(name), 2)
    await Deletions(database).begin(int(deleted), 3)
    await clips.files_removed(int(removed))
    await jobs.claim(1)
    await jobs.fail(int(failed), "broken", 4)
    await jobs.cancel(int(cancelled), 4)
    await jobs.claim(1)
    going, _ = await duels.start(new_duel(), 0, max_open=9, per_member=99, in_all=99)
    over, _ = await duels.start(new_duel(), 0, max_open=9, per_member=99, in_all=99)
    await duels.fail(over.id, "broken", 5)

    stay = [f"{name}.{kind}" for name in (kept, running, waiting) for kind in ("mp3", "png")]
    stay += [f"{running}-preview.mp3", "00000099-preview.mp3"]
    gone = [f"{name}-preview.mp3" for name in (kept, failed, cancelled)]
    stay += [*NeutralFiles.of(going.id), "00000099.mp3", *NeutralFiles.of(99), "notes.txt", "1.mp3"]
    gone += [f"{name}.{kind}" for name in (deleted, removed, failed, cancelled) for kind in ("mp3", "png")]
    gone += NeutralFiles.of(over.id)
    for name in (*stay, *gone):
        (tmp_path / name).touch()
    assert await Janitor(clips, Melodies(tmp_path), settings).remove_orphans() == len(gone)
    left = {path.name for path in tmp_path.iterdir() if not path.name.startswith("antiphon.db")}
    assert left == set(stay)
