"""What `antiphon generate` does with an audio file as its source, and the files of several takes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bot.config import Settings
from bot.errors import InvalidRecipe, UserError
from bot.jobs.melodies import Attached, prepare
from bot.recipe import Recipe, Role, Task
from bot.recipe.capabilities import Capabilities
from bot.recipe.tasks import REQUIRED_SOURCE


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that a task is done with. attached: what is read of it."""

    task: Task
    path: Path
    attached: Attached

    @property
    def role(self) -> Role:
        """Its role among the recipe's sources."""
        return REQUIRED_SOURCE[self.task]

    def seconds(self, settings: Settings) -> float:
        """Return the length of a clip where none is given: the file's, and more of it to continue it."""
        more = settings.default_seconds if self.task is Task.CONTINUE else 0.0
        return round(self.attached.seconds + more, 2)

    def prompt(self) -> str:
        """Return the prompt of the clip in the file, empty where it is no clip of this program."""
        from bot.audio.tags import read_recipe

        try:
            return read_recipe(self.path).prompt
        except UserError:
            return ""

    def check(self, engine: Capabilities) -> None:
        """Raise InvalidRecipe where a model works with notes and the file has none."""
        if engine.needs_scores and not self.attached.has_score:
            raise InvalidRecipe(
                f"{self.path} is a recording, and {engine.title} works with notes. Use a clip that a "
                "built-in model made, with its tags."
            )


async def read_source(task: Task | None, path: Path | None) -> SourceFile | None:
    """Return a source with what is read of it, None where there is none.

    Raises UserError for a task without its file, a file without a task, and for what is no audio.
    """
    if path is None:
        if task in REQUIRED_SOURCE:
            raise UserError(f"--task {task} needs a clip to work with. Add --source FILE.")
        return None
    if task is None or task not in REQUIRED_SOURCE:
        raise UserError(
            f"--source needs to know what to do with the file. Add --task {', '.join(REQUIRED_SOURCE)}."
        )
    return SourceFile(task, path, await prepare(await read_file(path), path.name, tune=False))


async def read_file(path: Path) -> bytes:
    """Return what a file holds. Raises UserError."""
    try:
        return await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}.") from error


def role_of(recipe: Recipe) -> Role:
    """Return the role that a file takes in a recipe that was made from one. Raises UserError."""
    if recipe.task not in REQUIRED_SOURCE:
        raise UserError("This clip was made from its prompt alone. Leave --source out.")
    return REQUIRED_SOURCE[recipe.task]


def numbered(path: Path, take: int, takes: int) -> Path:
    """Return the path of a take, counted from 1: clip-2.mp3 for clip.mp3, and clip.mp3 for a single one."""
    return path if takes == 1 else path.with_name(f"{path.stem}-{take}{path.suffix}")
