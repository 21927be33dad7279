"""Several worker processes behind one queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from bot.jobs.service import Advanced, Moved
from bot.recipe import Mode
from bot.store.database import Database
from bot.store.job_model import State
from bot.store.jobs import Jobs
from tests import gate
from tests.jobs.running import Running, queue, running


def runs(job_id: int) -> Callable[[Moved | Advanced], bool]:
    return lambda e: isinstance(e, Moved) and (e.job_id, e.state) == (job_id, State.RUNNING)


def half_way(job_id: int) -> Callable[[Moved | Advanced], bool]:
    return lambda e: isinstance(e, Advanced) and (e.job_id, e.fraction) == (job_id, 0.5)


@pytest.fixture(autouse=True)
def permits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(gate.FOLDER, str(tmp_path / "gate"))
    return tmp_path / "gate"


def _is_halfway(job: int, event: Moved | Advanced) -> bool:
    return isinstance(event, Advanced) and (event.job_id, event.fraction) == (job, 0.5)


async def test_two_workers_render_at_once(database: Database, tmp_path: Path, permits: Path) -> None:
    jobs = Jobs(database)
    both = [await queue(jobs, "held tune", user) for user in (1, 2)]
    async with running(database, tmp_path, devices="cpu,cpu") as bot:
        for job in both:
            await bot.until(partial(_is_halfway, job))
        assert {job.worker for job in await jobs.running()} == {0, 1}
        gate.open_for(permits, 2)
        for job in both:
            assert (await bot.until_over(job)).state is State.RENDERED


async def test_a_dead_worker_costs_its_own_jobs_only(
    database: Database, tmp_path: Path, permits: Path
) -> None:
    jobs = Jobs(database)
    held = await queue(jobs, "held tune", 1)
    async with running(database, tmp_path, devices="cpu,cpu") as bot:
        await bot.until(runs(held))
        crash, after = await queue(jobs, "crash", 2), await queue(jobs, "a tune", 3)
        await bot.service.queued(await jobs.get(crash), await jobs.get(after))
        failed = await bot.until_over(crash)
        assert (await bot.until_over(after)).state is State.RENDERED, "the new process goes on"
        assert (await jobs.get(held)).state is State.RUNNING, "the other worker is undisturbed"
        gate.open_for(permits)
        assert (await bot.until_over(held)).state is State.RENDERED
    assert failed.state is State.FAILED
    assert "tried 2 times" in (failed.error or "")
    assert bot.retried() == [crash]
    assert (await jobs.get(held)).attempts == 0


async def both_loaded(bot: Running, jobs: Jobs, permits: Path) -> None:
    """Have one worker load the model of each mode, by two clips that are rendered at once."""
    for user, mode in enumerate(Mode, 1):
        job = await queue(jobs, "held tune", user, mode=mode)
        await bot.service.queued(await jobs.get(job))
        await bot.until(runs(job))
    gate.open_for(permits, 2)
    for job in (1, 2):
        await bot.until_over(job)


async def test_a_job_waits_for_the_worker_with_its_model_while_another_mode_has_work(
    database: Database, tmp_path: Path, permits: Path
) -> None:
    jobs = Jobs(database)
    async with running(database, tmp_path, devices="cpu,cpu") as bot:
        await both_loaded(bot, jobs, permits)
        held = await queue(jobs, "held tune", 1)
        await bot.service.queued(await jobs.get(held))
        await bot.until(runs(held))
        blocking = await queue(jobs, "held tune", 4, mode=Mode.DIFFUSION)
        await bot.service.queued(await jobs.get(blocking))
        await bot.until(runs(blocking))
        next_ar = await queue(jobs, "a tune", 5)
        diffusion = await queue(jobs, "a tune", 6, mode=Mode.DIFFUSION)
        assert [head.id for head in await jobs.heads()] == [next_ar, diffusion]
        await bot.service.cancel(blocking)
        # The worker with the diffusion model is free first, and the first job of the queue is for the other.
        assert (await bot.until_over(diffusion)).state is State.RENDERED
        # Without more work for its own model it loads the other's, though that one is still busy.
        assert (await bot.until_over(next_ar)).state is State.RENDERED
        assert (await jobs.get(held)).state is State.RUNNING
        gate.open_for(permits)
        await bot.until_over(held)
    order = [e.job_id for e in bot.events if isinstance(e, Moved) and e.state is State.RUNNING]
    assert order.index(diffusion) < order.index(next_ar)


async def test_a_cancelled_job_frees_its_worker_alone(
    database: Database, tmp_path: Path, permits: Path
) -> None:
    jobs = Jobs(database)
    first, second = [await queue(jobs, "held tune", user) for user in (1, 2)]
    async with running(database, tmp_path, devices="cpu,cpu") as bot:
        for job in (first, second):
            await bot.until(runs(job))
        third = await queue(jobs, "a tune", 3)
        await bot.service.cancel(second)
        assert (await bot.until_over(third)).state is State.RENDERED
        assert (await jobs.get(first)).state is State.RUNNING
        gate.open_for(permits)
        assert (await bot.until_over(first)).state is State.RENDERED


async def test_every_worker_ends_with_the_service(database: Database, tmp_path: Path) -> None:
    jobs = Jobs(database)
    held = [await queue(jobs, "held tune", user) for user in (1, 2, 3)]
    async with running(database, tmp_path, devices="cpu,cpu,cpu") as bot:
        for job in held:
            await bot.until(runs(job))
        pids = bot.pids()
        assert len(pids) == 3
        await bot.service.close()
    for pid in pids:
        async with asyncio.timeout(30):
            while Path(f"/proc/{pid}").exists():
                await asyncio.sleep(0.05)
    rows = await database.read("SELECT state, attempts, isolated FROM jobs", {})
    assert [tuple(row) for row in rows] == [("queued", 0, 0)] * 3
