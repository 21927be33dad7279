from __future__ import annotations

import asyncio
import ctypes
import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import LimitReached, StoreError
from bot.locale import current, speaking
from bot.store.database import Database, Transaction
from bot.store.jobs import Jobs
from tests.builders import recipe, request

CAP_DAC_OVERRIDE = 1
"""Root's right to write what nobody may write; source: linux/capability.h."""
_CAPABILITY_VERSION = 0x20080522


@pytest.fixture
def read_only_counts() -> Iterator[None]:
    """Let a file that is read-only be that for root too.

    Root keeps its identity, and so reaches a checkout under a home that other users cannot enter.
    """
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    # Twice (effective, permitted, inheritable), for the capabilities 0 to 31 and 32 to 63.
    capabilities = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, capabilities) == 0, os.strerror(ctypes.get_errno())
    effective = capabilities[0]
    capabilities[0] = effective & ~(1 << CAP_DAC_OVERRIDE)
    assert libc.capset(header, capabilities) == 0, os.strerror(ctypes.get_errno())
    try:
        yield
    finally:
        capabilities[0] = effective
        assert libc.capset(header, capabilities) == 0, os.strerror(ctypes.get_errno())


async def test_a_failed_block_leaves_no_trace(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.write() as tx:
            await tx.execute("CREATE TABLE songs (name TEXT)")
            raise RuntimeError
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await database.read("SELECT * FROM songs", {})


async def test_a_cancelled_block_leaves_no_trace_and_no_open_transaction(database: Database) -> None:
    job = await Jobs(database).add(request(), 0, per_member=1, in_all=1)
    written = asyncio.Event()

    async def write() -> None:
        async with database.write() as tx:
            await tx.execute("UPDATE jobs SET notified = 1")
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [row["notified"] for row in await database.read("SELECT notified FROM jobs", {})] == [0]
    # The next block begins a transaction of its own, and commits it.
    assert await Jobs(database).cancel(job.id, 1) is not None
    assert [row["state"] for row in await database.read("SELECT state FROM jobs", {})] == ["cancelled"]


async def test_a_failed_function_leaves_no_trace(database: Database) -> None:
    job = await Jobs(database).add(request(), 0, per_member=1, in_all=1)

    def fail(tx: Transaction) -> None:
        tx.execute("UPDATE jobs SET notified = 1")
        raise LimitReached("That is enough.")

    with pytest.raises(LimitReached):
        await database.transact(fail)
    with pytest.raises(sqlite3.IntegrityError):
        await database.change("UPDATE jobs SET id = NULL, recipe = NULL", {})
    assert [row["notified"] for row in await database.read("SELECT notified FROM jobs", {})] == [0]
    assert await Jobs(database).cancel(job.id, 1) is not None


async def test_a_begun_function_comes_to_its_end_though_its_caller_is_cancelled(database: Database) -> None:
    await Jobs(database).add(request(), 0, per_member=1, in_all=1)
    begun, go_on = threading.Event(), threading.Event()

    def write(tx: Transaction) -> None:
        begun.set()
        assert go_on.wait(30)
        tx.execute("UPDATE jobs SET attempts = attempts + 1")

    task = asyncio.create_task(database.transact(write))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # The next one waits for its turn on the thread, and sees what the first has done.
    after = asyncio.create_task(
        database.change("UPDATE jobs SET attempts = attempts + 1 RETURNING attempts", {})
    )
    go_on.set()
    assert [row["attempts"] for row in await after] == [2]


async def test_a_function_reads_the_context_of_its_caller(database: Database) -> None:
    with speaking("de"):
        assert await database.transact(lambda tx: current()) == "de"


async def test_an_emptied_log_leaves_no_statement_in_the_way(database: Database) -> None:
    await database.checkpoint()
    await database.change("UPDATE jobs SET notified = 1", {})


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


@pytest.mark.usefixtures("read_only_counts")
async def test_a_read_only_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "antiphon.db"
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
