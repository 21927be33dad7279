"""What becomes of the jobs that were running when the worker or the bot ended."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from bot.jobs.service import MAX_INTERRUPTIONS, Moved
from bot.store.database import Database
from bot.store.job_model import State
from bot.store.jobs import Jobs
from tests import gate
from tests.jobs.running import queue, running


async def test_a_clip_being_mastered_survives_the_one_that_kills_the_worker(
    database: Database, tmp_path: Path
) -> None:
    jobs = Jobs(database)
    innocent, culprit = (
        await queue(jobs, "long tune", 1, seconds=60.0),
        await queue(jobs, "crash", 2, seconds=61.0),
    )
    async with running(database, tmp_path) as bot:
        assert (await bot.until_over(innocent)).state is State.RENDERED
        failed = await bot.until_over(culprit)
    assert bot.retried()[:2] == [innocent, culprit], "the worker died while both were open"
    assert bot.retried() == [innocent, culprit, culprit], "then only the one that ran alone is tried again"
    assert failed.state is State.FAILED
    assert "signal 9" in (failed.error or "")
    assert "tried 2 times" in (failed.error or "")
    assert [(await jobs.get(job)).attempts for job in (innocent, culprit)] == [0, 2]


async def test_a_database_that_takes_nothing_for_longer_than_a_stall_ends_no_worker(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(gate.FOLDER, str(tmp_path / "gate"))
    jobs = Jobs(database)
    finished, held = (
        await queue(jobs, "long tune", 1, seconds=60.0),
        await queue(jobs, "held tune", 2, seconds=61.0),
    )
    async with running(database, tmp_path, stall_seconds=5) as bot:
        await bot.until(lambda e: isinstance(e, Moved) and (e.job_id, e.state) == (held, State.RUNNING))
        [row] = await database.read("PRAGMA database_list", {})
        with closing(sqlite3.connect(row["file"], isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert (await jobs.get(finished)).state is State.RUNNING, "recorded before the lock"
            locked_at = time.monotonic()
            while "could not be recorded" not in caplog.text or time.monotonic() < locked_at + 12:
                await asyncio.sleep(0.05)
            other.execute("ROLLBACK")
        gate.open_for(tmp_path / "gate")
        for job in (finished, held):
            assert (await bot.until_over(job)).state is State.RENDERED
    assert bot.retried() == []


async def test_what_waits_comes_after_a_crash(database: Database, tmp_path: Path) -> None:
    jobs = Jobs(database)
    crash, *others = [await queue(jobs, words, user) for user, words in enumerate(("crash", "a", "b"), 1)]
    async with running(database, tmp_path) as bot:
        for job in others:
            assert (await bot.until_over(job)).state is State.RENDERED
        assert (await bot.until_over(crash)).state is State.FAILED
    assert set(bot.retried()) == {crash}


async def test_a_stop_on_purpose_counts_as_nothing(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(gate.FOLDER, str(tmp_path / "gate"))
    jobs = Jobs(database)
    job = await queue(jobs, "held tune")
    async with running(database, tmp_path) as bot:
        await bot.until(lambda e: isinstance(e, Moved) and e.state is State.RUNNING)
        await bot.service.close()
    [row] = await database.read("SELECT state, attempts, interruptions, isolated FROM jobs", {})
    assert tuple(row) == ("queued", 0, 0, 0)
    gate.open_for(tmp_path / "gate")
    async with running(database, tmp_path) as bot:
        assert (await bot.until_over(job)).state is State.RENDERED


async def test_kills_of_the_bot_are_no_attempts_and_end_all_the_same(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(gate.FOLDER, str(tmp_path / "gate"))
    jobs = Jobs(database)
    job = await queue(jobs, "held tune")
    for _ in range(2):
        async with running(database, tmp_path, max_attempts=1) as bot:
            await bot.until(lambda e: isinstance(e, Moved) and e.state is State.RUNNING)
    await jobs.requeue_running(0, "interruptions", MAX_INTERRUPTIONS, "")
    [row] = await database.read("SELECT state, attempts, interruptions FROM jobs", {})
    assert tuple(row) == ("queued", 0, 2)
    for _ in range(MAX_INTERRUPTIONS - 3):
        await jobs.claim(0)
        await jobs.requeue_running(0, "interruptions", MAX_INTERRUPTIONS, "")
    await jobs.claim(0)
    async with running(database, tmp_path) as bot:
        failed = await bot.until_over(job)
    assert failed.state is State.FAILED
    assert f"killed {MAX_INTERRUPTIONS} times" in (failed.error or "")
