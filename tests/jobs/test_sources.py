"""Clips made from other clips: the worker gets the file of the source, or the job ends with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import UserError
from bot.jobs.melodies import GONE_SOURCE
from bot.recipe import Role
from bot.store.clips import Clips
from bot.store.database import Database
from bot.store.job_model import State
from bot.store.jobs import Jobs
from tests import gate
from tests.builders import recipe, request
from tests.jobs.running import queue, running


async def test_a_clip_is_made_from_another_by_its_id(database: Database, tmp_path: Path) -> None:
    jobs = Jobs(database)
    first = await queue(jobs, "a tune", 1)
    async with running(database, tmp_path) as bot:
        assert (await bot.until_over(first)).state is State.RENDERED
        clip = await Clips(database).of_job(first)
        # The engine of the tests reads the file of its melody, and fails where there is none.
        followed = recipe(prompt="after it", model="tones", seconds=1, sources={Role.MELODY: clip.id})
        job = await bot.service.submit(request(recipe=followed))
        assert (await bot.until_over(job.id)).state is State.RENDERED


async def test_a_source_that_is_gone_ends_the_job_with_the_reason(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(gate.FOLDER, str(tmp_path / "gate"))
    jobs = Jobs(database)
    first = await queue(jobs, "a tune", 1)
    async with running(database, tmp_path) as bot:
        assert (await bot.until_over(first)).state is State.RENDERED
        clip = await Clips(database).of_job(first)
        followed = request(recipe=recipe(model="tones", seconds=1, sources={Role.MELODY: clip.id}))
        held = await bot.service.submit(request(recipe=recipe(prompt="held tune", model="tones", seconds=1)))
        waiting = await bot.service.submit(followed)
        (bot.settings.clip_dir / clip.file).unlink()
        gate.open_for(tmp_path / "gate")
        assert (await bot.until_over(held.id)).state is State.RENDERED
        over = await bot.until_over(waiting.id)
        assert (over.state, over.error) == (State.FAILED, GONE_SOURCE)
        with pytest.raises(UserError, match="was deleted"):
            await bot.service.submit(followed)
