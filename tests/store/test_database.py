from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import StoreError
from bot.store.database import Database
from bot.store.jobs import Jobs
from tests.builders import recipe, request


@pytest.fixture
def ordinary_folder() -> Iterator[Path]:
    """A folder of an ordinary user, and their rights: root may write whatever is read-only."""
    with tempfile.TemporaryDirectory() as name:
        if os.geteuid() != 0:
            yield Path(name)
            return
        os.chown(name, 65534, 65534)
        os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            os.seteuid(0)


async def test_a_failed_block_leaves_no_trace(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.write() as tx:
            await tx.execute("CREATE TABLE songs (name TEXT)")
            raise RuntimeError
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await database.read("SELECT * FROM songs", {})


async def test_a_cancelled_block_leaves_no_trace_and_no_open_transaction(database: Database) -> None:
    async def write() -> None:
        async with database.write() as tx:
            await tx.execute("UPDATE jobs SET told = 1")
            await asyncio.sleep(60)

    task = asyncio.create_task(write())
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with database.write() as tx:
        await tx.execute("UPDATE jobs SET told = 0")


async def test_the_reading_connection_cannot_write(database: Database) -> None:
    with pytest.raises(Exception, match="readonly"):
        await database.read("DELETE FROM jobs", {})


async def test_a_second_bot_is_refused(database: Database, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Another bot"):
        async with Database.open(tmp_path / "antiphon.db", now=0):
            pass


async def test_what_was_committed_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "antiphon.db"
    script = f"""
        import asyncio, os, signal
        from pathlib import Path
        from bot.store.database import Database
        from bot.store.jobs import Jobs
        from tests.builders import recipe, request
        async def main():
            async with Database.open(Path({str(path)!r}), now=0) as database:
                await Jobs(database).add(request(), 1, per_member=5, in_all=5)
                os.kill(os.getpid(), signal.SIGKILL)
        asyncio.run(main())
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    async with Database.open(path, now=2) as database:
        assert [job.recipe for job in await Jobs(database).waiting()] == [request().recipe]


async def test_a_read_only_database_is_named(ordinary_folder: Path) -> None:
    path = ordinary_folder / "antiphon.db"
    async with Database.open(path, now=0):
        pass
    path.chmod(0o400)
    with pytest.raises(StoreError, match="cannot be opened for writing"):
        async with Database.open(path, now=0):
            pass


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "antiphon.db"
    path.write_bytes(b"music" * 1000)
    with pytest.raises(StoreError, match=r"antiphon\.db cannot be opened for writing"):
        async with Database.open(path, now=0):
            pass


async def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreError, match="cannot be opened for writing"):
        async with Database.open(tmp_path / "data" / "antiphon.db", now=0):
            pass


async def test_a_full_disk_is_said_and_loses_nothing(database: Database) -> None:
    jobs = Jobs(database)
    kept = await jobs.add(request(), 0, per_member=9, in_all=9)
    async with database.write() as tx:
        [[pages]] = await tx.execute_fetchall("PRAGMA page_count")
        await tx.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="full"):
        for _ in range(1000):
            await jobs.add(request(recipe=recipe(prompt="x" * 1000)), 0, per_member=9999, in_all=9999)
    async with database.write() as tx:
        await tx.execute(f"PRAGMA max_page_count = {pages + 1000}")
    await jobs.add(request(), 0, per_member=9999, in_all=9999)
    waiting = await jobs.waiting()
    assert waiting[0].id == kept.id
    assert len(waiting) >= 2
