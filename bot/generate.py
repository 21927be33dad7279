"""One clip without Discord: the same worker, engines and mastering."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.config import Settings
from bot.errors import RenderError, WorkerDied
from bot.executor.child import ChildExecutor, Died
from bot.executor.protocol import Failed, Loading, Progress, Ready, Render, Rendered
from bot.recipe import Recipe

UNLIMITED_BYTES = 1 << 40

Report = Callable[[str, float], None]
"""Called with a phase and how much of it is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Generated:
    """A clip on disk, and what was measured on it."""

    path: Path
    picture: Path | None
    facts: dict[str, Any]


async def generate(
    recipe: Recipe,
    path: Path,
    picture: Path | None,
    settings: Settings,
    engines: str,
    report: Report,
    melody: Path | None = None,
) -> Generated:
    """Render one recipe to `path`, and its picture to `picture` where one is wanted.

    melody: the audio file that the recipe's melody is in.
    Raises RenderError with the reason where no clip came of it; nothing is written then.
    """
    executor = ChildExecutor.configured(settings, engines, warm=None)
    with tempfile.TemporaryDirectory(prefix="antiphon-") as folder:
        try:
            async for event in executor.events():
                match event:
                    case Ready():
                        if executor.sent == 0:
                            out_path, tune = str(Path(folder, "clip.mp3")), str(melody or "")
                            wanted = Render(
                                1, recipe.to_json(), out_path, UNLIMITED_BYTES, tune, picture is not None
                            )
                            await executor.render(wanted)
                    case Loading(finished=finished):
                        report("loading", float(finished))
                    case Progress(_, done, total, phase):
                        report(phase, done / max(total, 1))
                    case Rendered():
                        path.parent.mkdir(parents=True, exist_ok=True)
                        shutil.move(Path(folder, event.file), path)
                        if picture is not None:
                            shutil.move(Path(folder, event.picture), picture)
                        return Generated(path, picture, dict(event.facts))
                    case Failed():
                        raise RenderError(f"{event.message}\n{event.detail}".strip())
                    case Died(reason):
                        raise WorkerDied(reason)
        finally:
            await executor.close()
    raise WorkerDied("The worker ended without a word.")
