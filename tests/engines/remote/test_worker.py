"""A music server's model in the real worker, over its real pipe."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import soundfile

from bot.config import Settings
from bot.executor.child import ChildExecutor
from bot.executor.link import Died
from bot.executor.protocol import Failed, Progress, Ready, Render, Rendered, Up
from bot.recipe import Recipe
from tests.engines.remote.server import Server, error, serving


@pytest.mark.asyncio
async def test_clips_are_rendered_cancelled_and_failed_in_the_worker(tmp_path: Path) -> None:
    server = Server(gate=threading.Event())
    assert server.gate is not None
    with serving(server) as address:
        settings = Settings(diffusion_model="remote:sa3-small", remote_engines=address, stall_seconds=60)
        executor = ChildExecutor.configured(settings, "bot.engines.registry", warm=None)
        events = executor.events()

        async def until(kind: type[Up], job: int | None = None) -> Up:
            async for event in events:
                assert not isinstance(event, Died), event
                if isinstance(event, kind) and job in (None, getattr(event, "job_id", None)):
                    return event
            raise AssertionError("the worker ended")

        async def give(job: int) -> None:
            fields = {"prompt": "rain", "mode": "diffusion", "model": "remote:sa3-small"}
            recipe = Recipe.from_dict(fields | {"seconds": 3.0, "seed": job})
            await executor.render(Render(job, recipe, str(tmp_path / f"{job}.mp3"), 10**7))

        try:
            await until(Ready)
            await give(1)
            await until(Progress, 1)
            await executor.cancel(1)
            await give(2)
            server.gate.set()
            rendered = await until(Rendered, 2)
            server.answer = lambda body: (503, error("busy", "server_busy"))
            await give(3)
            failed = await until(Failed, 3)
        finally:
            await executor.close()
            await events.aclose()
    assert isinstance(rendered, Rendered)
    assert soundfile.info(tmp_path / rendered.file).duration == pytest.approx(3, abs=0.1)
    assert rendered.facts["licence"] == "Stability AI Community License"
    assert rendered.facts["device"] == "remote"
    assert "precision" not in rendered.facts, "the server's own choice"
    assert isinstance(failed, Failed)
    assert "busy with another clip" in failed.message
    assert not (tmp_path / "1.mp3").exists()
