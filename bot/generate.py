"""One clip without Discord: the same worker, engines and mastering."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.audio import endings
from bot.cli_source import read_file
from bot.config import Settings
from bot.errors import RenderError, UserError, WorkerDied
from bot.executor.child import ChildExecutor
from bot.executor.link import Died
from bot.executor.protocol import Failed, Loading, Progress, Ready, Render, Rendered
from bot.jobs.melodies import prepare
from bot.recipe import Recipe, Role, Task

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
    sources: Mapping[Role, Path] | None = None,
) -> Generated:
    """Render one recipe to `path`, an MP3, WAV or FLAC by its ending, and its picture to `picture`, if any.

    sources: audio files of any kind, by their roles; `recipe.sources` holds the SHA-256 of each file, or of
    what is read of it.
    Raises UserError for a path that cannot be written, a source without sound or a recipe that the model
    refuses, and RenderError with the reason where no clip came of it; nothing is written then.
    """
    if path.suffix.lower() not in endings.ALL:
        raise UserError(f"{path} has to end in {', '.join(endings.ALL[:-1])} or {endings.ALL[-1]}.")
    for target in (path, picture):
        if target is not None:
            _check_writable(target)
    with tempfile.TemporaryDirectory(prefix="antiphon-") as folder:
        files = {}
        for role, file in (sources or {}).items():
            recipe, readable = await _readable(recipe, role, file, Path(folder, role))
            files[role] = str(readable)
        executor = ChildExecutor.configured(settings, engines, warm=None, device=settings.worker_devices[0])
        try:
            async for event in executor.events():
                match event:
                    case Ready():
                        if executor.sent == 0:
                            out_path = str(Path(folder, f"clip{path.suffix.lower()}"))
                            wanted = Render(1, recipe, out_path, UNLIMITED_BYTES, files, picture is not None)
                            await executor.render(wanted)
                    case Loading(finished=finished):
                        report("loading", float(finished))
                    case Progress(done=done, total=total, phase=phase):
                        report(phase, done / max(total, 1))
                    case Rendered():
                        _move(Path(folder, event.file), path)
                        if picture is not None:
                            _move(Path(folder, event.picture), picture)
                        return Generated(path, picture, dict(event.facts))
                    case Failed(kind="refused"):
                        raise UserError(event.message)
                    case Failed():
                        raise RenderError(f"{event.message}\n{event.detail}".strip())
                    case Died(reason):
                        raise WorkerDied(reason)
        finally:
            await executor.close()
    raise WorkerDied("The worker stopped unexpectedly. Try again, and run `antiphon doctor` if it stays.")


def _check_writable(path: Path) -> None:
    """Raise UserError, before anything is rendered, where no file can be written to `path`."""
    if path.is_dir():
        raise UserError(f"{path} is a folder. Add a file name: {path / 'clip.mp3'}.")
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UserError(
            f"{path} can't be written: you have no write access to {folder}. Choose another path."
        )


def _move(made: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, target)
    except OSError as error:
        raise UserError(f"{target} can't be written: {error.strerror}. Choose another path.") from error


async def _readable(recipe: Recipe, role: Role, file: Path, prepared: Path) -> tuple[Recipe, Path]:
    """Return the recipe and the file that the engine reads, `prepared` where it is converted first."""
    data = await read_file(file)
    tune = role is Role.MELODY and recipe.task is Task.TEXT
    readable = (await prepare(data, file.name, tune=tune)).data
    if readable is data:
        return recipe, file
    await asyncio.to_thread(prepared.write_bytes, readable)
    if recipe.sources.get(role) == hashlib.sha256(data).hexdigest():
        recipe = recipe.with_source(role, hashlib.sha256(readable).hexdigest())
    return recipe, prepared
