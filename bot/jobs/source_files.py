"""The audio files that a recipe's clip is made from."""

from __future__ import annotations

from pathlib import Path

from bot.errors import NotFound, UserError
from bot.jobs.melodies import GONE_SOURCE, Melodies
from bot.recipe import Recipe, Role
from bot.store.clips import Clips


class SourceFiles:
    """Finds stored audio and clips. folder: where the clips' files lie."""

    def __init__(self, clips: Clips, melodies: Melodies, folder: Path) -> None:
        self._clips = clips
        self._melodies = melodies
        self._folder = folder

    async def of(self, recipe: Recipe) -> dict[Role, str]:
        """Return the files of a recipe's sources by role. Raises UserError where one is gone."""
        files = self._melodies.of(recipe)
        for role, source in recipe.sources.items():
            if isinstance(source, int):
                try:
                    clip = await self._clips.get(source)
                except NotFound:
                    raise UserError(GONE_SOURCE) from None
                files[role] = self._folder / clip.file
                if not clip.file or not files[role].is_file():
                    raise UserError(GONE_SOURCE)
        return {role: str(file.resolve()) for role, file in files.items()}
