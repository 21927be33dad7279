"""The first seconds of a clip out of the real worker, from a checkpoint in MusicGen's published format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from bot.config import Settings
from bot.executor.child import ChildExecutor
from bot.executor.link import Died
from bot.executor.protocol import PREVIEW_SECONDS, Failed, Preview, Ready, Render, Rendered
from bot.recipe import Mode, Recipe
from tests.engines.checkpoint_files import write_musicgen


async def test_musicgen_gives_its_first_seconds_before_the_clip(tmp_path: Path) -> None:
    model = str(write_musicgen(tmp_path / "musicgen"))
    settings = Settings(ar_model=model, device="cpu", dtype="float32", stall_seconds=170)
    executor = ChildExecutor.configured(settings, "bot.engines.registry", warm=None)
    recipe = Recipe(prompt="calm piano", mode=Mode.AR, model=model, seconds=10.0, seed=3)
    preview, clip = tmp_path / "00000001-preview.mp3", tmp_path / "00000001.wav"
    order: list[str] = []
    events = executor.events()
    try:
        async for event in events:
            assert not isinstance(event, Died | Failed), event
            if isinstance(event, Ready) and not executor.sent:
                render = Render(1, recipe, str(clip), 1 << 30, {}, False, preview_path=str(preview))
                await executor.render(render)
            if isinstance(event, Preview):
                assert event.file == preview.name
                assert preview.is_file(), "it is whole before it is announced"
            if isinstance(event, Preview | Rendered):
                order.append(type(event).__name__)
            if isinstance(event, Rendered):
                break
    finally:
        await executor.close()
        await events.aclose()
    assert order == ["Preview", "Rendered"]
    heard, rate = soundfile.read(preview, dtype="float32", always_2d=True)
    whole, _ = soundfile.read(clip, dtype="float32", always_2d=True)
    assert len(heard) / rate == PREVIEW_SECONDS
    middle = slice(round(0.5 * rate), round((PREVIEW_SECONDS - 0.5) * rate))
    assert np.corrcoef(heard[middle, 0], whole[middle, 0])[0, 1] > 0.8, (
        "the clip's own beginning, at 128 kbit/s"
    )
