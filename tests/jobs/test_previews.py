"""Which clips have a preview, and what becomes of its file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.audio.mp3 import decode
from bot.executor.protocol import PREVIEW_SECONDS, Preview
from bot.jobs.files import preview_file
from bot.recipe import Mode, Role, Task
from bot.store.database import Database
from bot.store.duels.repository import Duels
from bot.store.job_model import Job, State
from bot.store.jobs import Jobs
from tests import gate
from tests.builders import new_duel, recipe, request
from tests.jobs.running import Running, queue, running


def everywhere(guild_id: int | None) -> bool:
    return True


def allow_previews(bot: Running, allowed: Callable[[int | None], bool] = everywhere) -> None:
    bot.service.previews._allowed = allowed


async def job_of(jobs: Jobs, **changes: Any) -> Job:
    known: dict[str, Any] = {"prompt": "tune", "model": "slow", "seconds": 10.0}
    wanted = {name: changes.pop(name) for name in ("then", "guild_id") if name in changes}
    return await jobs.add(
        request(recipe=recipe(**known | changes), **wanted), 0, per_member=1000, in_all=1000
    )


async def test_a_slow_clip_has_one_and_others_have_none(database: Database, tmp_path: Path) -> None:
    jobs = Jobs(database)
    async with running(database, tmp_path, ar_model="slow") as bot:
        allow_previews(bot, lambda guild_id: guild_id != 77)
        previews = bot.service.previews
        bot.service.paused = True
        slow = await job_of(jobs)
        expected = tmp_path / "clips" / preview_file(slow.id)
        assert await previews.path_for(slow) == str(expected.resolve())
        first, _ = await jobs.add_takes([request(recipe=slow.recipe)] * 2, 0, per_member=99, in_all=99)
        hybrid = recipe(mode=Mode.DIFFUSION, model="tones", task=Task.HYBRID, sources={Role.INITIAL: 1})
        source = {Role.START: 1}
        for job in (
            first,
            await job_of(jobs, seconds=7.0),
            await job_of(jobs, model="tones"),
            await job_of(jobs, then=hybrid),
            await job_of(jobs, guild_id=77),
            await job_of(jobs, task=Task.CONTINUE, sources=source),
            await job_of(
                jobs,
                task=Task.REPAINT,
                sources={Role.INITIAL: 1},
                repaint_start=2.0,
                repaint_end=4.0,
            ),
        ):
            assert await previews.path_for(job) == "", job.recipe
        slow_duel = new_duel()
        slow_duel = replace(
            slow_duel, sides={side: replace(one, recipe=slow.recipe) for side, one in slow_duel.sides.items()}
        )
        duel, _ = await Duels(database).start(slow_duel, 0, max_open=9, per_member=99, in_all=99)
        for side in (await Duels(database).sides(duel.id)).values():
            assert await previews.path_for(await jobs.get(side.job_id)) == ""


async def beginning(bot: Running, job_id: int) -> bytes:
    """Return a running job's preview once its worker wrote it."""
    async with asyncio.timeout(90):
        while (found := bot.service.previews.take(await bot.jobs.get(job_id))) is None:
            await asyncio.sleep(0.05)
    return found


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "gate"
    monkeypatch.setenv(gate.FOLDER, str(folder))
    return folder


async def test_the_worker_writes_it_and_the_clip_follows(
    database: Database, tmp_path: Path, held: Path
) -> None:
    async with running(database, tmp_path, ar_model="slow") as bot:
        allow_previews(bot)
        job_id = await queue(bot.jobs, "early held tune", model="slow", seconds=10.0)
        await bot.service.queued(await bot.jobs.get(job_id))
        preview = await beginning(bot, job_id)
        assert bot.service.previews.take(await bot.jobs.get(job_id)) is None, "once"
        assert list((tmp_path / "clips").iterdir()) == [], "it is taken off the disk"
        gate.open_for(held)
        assert (await bot.until_over(job_id)).state is State.RENDERED
    (tmp_path / "preview.mp3").write_bytes(preview)
    wave, rate = decode(tmp_path / "preview.mp3")
    assert wave.shape[1] / rate == pytest.approx(PREVIEW_SECONDS, abs=0.05)
    names = sorted(path.name for path in (tmp_path / "clips").iterdir())
    assert names == [f"{job_id:08}.mp3", f"{job_id:08}.png"]


async def test_one_that_nobody_took_goes_with_its_job(database: Database, tmp_path: Path, held: Path) -> None:
    async with running(database, tmp_path, ar_model="slow") as bot:
        allow_previews(bot)
        for ends in ("cancelled", "rendered"):
            job_id = await queue(bot.jobs, "early held tune", model="slow", seconds=10.0)
            await bot.service.queued(await bot.jobs.get(job_id))
            file = tmp_path / "clips" / preview_file(job_id)
            async with asyncio.timeout(90):
                while not file.exists():
                    await asyncio.sleep(0.05)
            if ends == "cancelled":
                await bot.service.cancel(job_id)
            else:
                gate.open_for(held)
                assert (await bot.until_over(job_id)).state is State.RENDERED
            assert not file.exists(), ends
            assert bot.service.previews.take(await bot.jobs.get(job_id)) is None, ends


async def test_one_that_is_written_after_the_cancellation_is_removed(
    database: Database, tmp_path: Path
) -> None:
    async with running(database, tmp_path, ar_model="slow") as bot:
        bot.service.paused = True
        job_id = await queue(bot.jobs, "tune", model="slow", seconds=10.0)
        await bot.service.cancel(job_id)
        file = tmp_path / "clips" / preview_file(job_id)
        file.write_bytes(b"late")
        await bot.service.previews.record(Preview(job_id, file.name))
        assert not file.exists()
