"""Two modes on a device with room for one model: they take turns."""

from __future__ import annotations

from pathlib import Path

from bot.config import Settings
from bot.executor.child import ChildExecutor
from bot.executor.protocol import Failed, Loading, Ready, Render, Rendered
from bot.recipe import Mode
from tests.builders import recipe


async def test_a_model_makes_room_for_another_that_would_not_fit_beside_it(tmp_path: Path) -> None:
    settings = Settings(ar_model="test", diffusion_model="test", stall_seconds=60)
    executor = ChildExecutor.configured(settings, "tests.executor.single_model_engines", warm=None)
    events = executor.events()
    found: list[Rendered | Failed] = []
    loads = 0
    modes = [Mode.AR, Mode.DIFFUSION, Mode.AR]
    try:
        async for event in events:
            match event:
                case Ready(model=None, acked=acked) if acked == executor.sent and modes:
                    wanted = recipe(model="test", mode=modes.pop(0), seconds=1.0)
                    job = executor.sent + 1
                    await executor.render(Render(job, wanted, str(tmp_path / f"{job}.mp3"), 10**7))
                case Loading(finished=finished):
                    loads += not finished
                case Rendered() | Failed():
                    found.append(event)
            if len(found) == 3:
                break
    finally:
        await executor.close()
        await events.aclose()
    assert [type(event) for event in found] == [Rendered] * 3
    assert loads == 3
