"""One clip without Discord: the same worker, engines and mastering."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.config import Settings
from bot.errors import RenderError, UserError, WorkerDied
from bot.executor.child import ChildExecutor
from bot.executor.link import Died
from bot.executor.protocol import Failed, Loading, Progress, Ready, Render, Rendered
from bot.jobs.melodies import prepare
from bot.recipe import Recipe, Role

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

    melody: an audio file of any kind whose tune the clip follows; `recipe.melody` is the SHA-256 of the
    file, or of what is read of it.
    Raises UserError for a melody without sound or a recipe that the model refuses, and RenderError with
    the reason where no clip came of it; nothing is written then.
    """
    with tempfile.TemporaryDirectory(prefix="antiphon-") as folder:
        if melody is not None:
            recipe, melody = await _followed(recipe, melody, Path(folder, "melody"))
        files = {} if melody is None else {Role.MELODY: str(melody)}
        executor = ChildExecutor.configured(settings, engines, warm=None, device=settings.worker_devices[0])
        try:
            async for event in executor.events():
                match event:
                    case Ready():
                        if executor.sent == 0:
                            out_path = str(Path(folder, "clip.mp3"))
                            wanted = Render(1, recipe, out_path, UNLIMITED_BYTES, files, picture is not None)
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
                    case Failed(kind="refused"):
                        raise UserError(event.message)
                    case Failed():
                        raise RenderError(f"{event.message}\n{event.detail}".strip())
                    case Died(reason):
                        raise WorkerDied(reason)
        finally:
            await executor.close()
    raise WorkerDied("The worker ended without a word.")


async def _followed(recipe: Recipe, file: Path, prepared: Path) -> tuple[Recipe, Path]:
    """Return the recipe and the file that the engine reads, `prepared` where it is converted first."""
    try:
        data = await asyncio.to_thread(file.read_bytes)
    except OSError as error:
        raise UserError(f"The melody {file} cannot be opened: {error.strerror}.") from error
    readable = await prepare(data, file.name)
    if readable is data:
        return recipe, file
    await asyncio.to_thread(prepared.write_bytes, readable)
    if recipe.melody == hashlib.sha256(data).hexdigest():
        recipe = recipe.with_source(Role.MELODY, hashlib.sha256(readable).hexdigest())
    return recipe, prepared
