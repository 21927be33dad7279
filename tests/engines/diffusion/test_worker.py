"""A diffusers pipeline in the real worker, asked over its real pipe."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from mutagen.id3 import ID3

from bot.audio.tags import PROVENANCE_FRAME
from bot.config import Settings
from bot.executor.child import ChildExecutor
from bot.executor.link import Died
from bot.executor.protocol import Progress, Ready, Render, Rendered, Up
from bot.recipe import Recipe


@pytest.mark.asyncio
async def test_clips_are_rendered_and_cancelled_in_the_worker(
    folders: dict[str, Path], asked: Callable[..., Recipe], tmp_path: Path
) -> None:
    settings = Settings(
        diffusion_model=str(folders["turbo"]),
        device="cpu",
        dtype="bfloat16",
        stall_seconds=170,
    )
    executor = ChildExecutor.configured(settings, "bot.engines.registry", warm=None)
    events = executor.events()
    said: list[Up | Died] = []

    async def until(kind: type[Up], job: int | None = None) -> Up | Died:
        async for event in events:
            said.append(event)
            assert not isinstance(event, Died), event
            if isinstance(event, kind) and job in (None, getattr(event, "job_id", None)):
                return event
        raise AssertionError("the worker ended")

    async def give(job: int, **changes: object) -> None:
        recipe = asked("turbo", **changes)
        await executor.render(Render(job, recipe, str(tmp_path / f"{job}.mp3"), 10**7))

    try:
        await until(Ready)
        await give(1, seconds=120.0, num_sampling_steps=20)
        await until(Progress, 1)
        await executor.cancel(1)
        await give(2)
        rendered = await until(Rendered, 2)
    finally:
        await executor.close()
        await events.aclose()
    assert isinstance(rendered, Rendered)
    assert rendered.facts["licence"] == "CC-BY-NC-SA-4.0"
    assert rendered.facts["precision"] == "bfloat16"
    tagged = json.loads(str(ID3(tmp_path / rendered.file)[f"TXXX:{PROVENANCE_FRAME}"]))
    assert tagged["precision"] == "bfloat16"
    assert soundfile.info(tmp_path / rendered.file).duration == pytest.approx(10, abs=0.1)
    steps = {
        job: [e.done / e.total for e in said if isinstance(e, Progress) and e.job_id == job] for job in (1, 2)
    }
    assert steps[2][0] == 0
    assert 1.0 in steps[2]
    assert 1.0 not in steps[1]
    assert not any(isinstance(event, Rendered) and event.job_id == 1 for event in said)
