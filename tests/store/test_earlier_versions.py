"""A database that an earlier version wrote, opened by this one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.recipe import Mode, Role, Task
from bot.store import migrations
from bot.store.clips import Clips
from bot.store.database import Database
from bot.store.duels.repository import Duels
from bot.store.job_model import State
from bot.store.jobs import Jobs
from bot.store.presets.model import Viewer
from tests.builders import request
from tests.store.preset_builders import presets_of

ROWS = Path(__file__).with_name("version_8.sql")
VERSION = 8
MELODY = "a" * 64
GUILD = 77


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database of version 8 with clips that follow a melody and continue a clip, a duel and a preset."""
    path, folder = tmp_path / "old.db", tmp_path / "migrations"
    folder.mkdir()
    for migration in migrations.available()[:VERSION]:
        (folder / migration.path.name).write_bytes(migration.path.read_bytes())
    migrations.migrate(path, 0, folder)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(ROWS.read_text(encoding="utf-8"))
    return path


async def test_sources_of_earlier_versions_stand_by_role(old: Path) -> None:
    async with Database.open(old, now=1) as database:
        clips = Clips(database)
        followed, plain, continued = [(await clips.get(n)).recipe for n in (1, 2, 3)]
        assert (followed.task, followed.sources) == (Task.TEXT, {Role.MELODY: MELODY})
        assert followed.options == {"temperature": 0.9, "top_k": 250, "guidance_scale": 3.0}
        assert (plain.task, plain.sources, plain.mode) == (Task.TEXT, {}, Mode.DIFFUSION)
        assert plain.options["negative_prompt"] == "loud “drums” 🥁"
        assert plain.options["lyrics"] == "[verse]\nla la"
        assert (continued.task, continued.sources) == (Task.CONTINUE, {Role.START: 1})
        # What the files' keeper asks for is SQL, which reads the columns as they are now.
        assert await clips.stored_sources() == {MELODY}
        rows = await database.read("SELECT recipe FROM jobs UNION ALL SELECT recipe FROM clips", {})
        assert not [row for row in rows if '"source_clip"' in row["recipe"]]
        assert sum('"sources"' in row["recipe"] for row in rows) == 5


async def test_the_queue_of_an_earlier_version_is_rendered(old: Path) -> None:
    async with Database.open(old, now=1) as database:
        jobs = Jobs(database)
        claimed = [await jobs.claim(100) for _ in range(3)]
        assert [job and job.recipe.melody for job in claimed] == [MELODY, None, None]


async def test_duels_and_presets_of_an_earlier_version_are_read(old: Path) -> None:
    async with Database.open(old, now=1) as database:
        sides = await Duels(database).sides(1)
        assert {side: found.recipe.mode for side, found in sides.items()} == {
            "a": Mode.DIFFUSION,
            "b": Mode.AR,
        }
        preset = await presets_of(database).get(1, Viewer(101, None))
        assert (preset.body.seconds, preset.body.tags) == (8.0, ("calm",))
        assert preset.body.options == {
            "temperature": 0.8,
            "top_k": 40,
            "guidance_scale": 2.0,
            "num_sampling_steps": 20,
            "negative_prompt": "voices",
        }


async def test_notices_of_an_earlier_version_are_sent_once(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("UPDATE jobs SET state = 'failed', told = (id = 1) WHERE id IN (1, 2)")
        connection.execute("UPDATE duels SET state = 'failed', told = 0")
    async with Database.open(old, now=1) as database:
        jobs, duels = Jobs(database), Duels(database)
        failed = [job.id for job in await jobs.outbox() if job.state is State.FAILED]
        assert failed == [2], "the member was notified of job 1"
        assert [duel.id for duel in await duels.due(1)] == [1]
        await jobs.notified(2)
        await duels.notified(1)
        assert not [job for job in await jobs.outbox() if job.state is State.FAILED]
        assert await duels.due(1) == []


async def test_upload_limits_of_an_earlier_version_hold(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("INSERT INTO place_limits VALUES (?, 4096, 90)", (GUILD,))
    async with Database.open(old, now=100) as database:
        jobs = Jobs(database)
        there = await jobs.add(request(guild_id=GUILD, max_bytes=10**7), 100, per_member=9, in_all=99)
        elsewhere = await jobs.add(request(guild_id=GUILD + 1, max_bytes=10**7), 100, per_member=9, in_all=99)
        assert (there.max_bytes, elsewhere.max_bytes) == (4096, 10**7)
