"""MIDI, stems and FLAC of finished clips of the built-in models, made one after another beside the queue.

They come from the notes in the clip's tags, so no model and no worker is needed: a process of its own plays
them, below everybody's priority.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bot.audio import child
from bot.errors import LimitReached
from bot.recipe import Recipe

MAX_WAITING = 8
"""Requests that wait for the process; more are refused, since each answer has 15 minutes."""
_SECONDS = 60.0
_SECONDS_PER_SECOND = 1.0
"""Time for the process, and more for each second of the clip: forty times what an idle machine needs."""


class Kind(StrEnum):
    """What is made."""

    MIDI = "midi"
    STEMS = "stems"
    FLAC = "flac"


@dataclass(frozen=True, slots=True)
class Made:
    """Files of a clip. tempo: beats a minute.  metre: beats a bar.

    divided: by what the stems were divided so that none exceeds full scale, 1 for nothing.
    """

    files: tuple[Path, ...]
    tempo: float
    metre: int
    divided: float


class ScoreFiles:
    """Makes the files, for one member after another."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._members: set[int] = set()

    async def make(self, user_id: int, kind: Kind, clip: Path, recipe: Recipe, folder: Path) -> Made:
        """Write files of a clip into a folder.

        Raises LimitReached where this member already waits for some, or too many do, and RenderError in words
        for the requester.
        """
        if user_id in self._members:
            raise LimitReached("I'm still making files for you. Press again when they are there.")
        if len(self._members) >= MAX_WAITING:
            raise LimitReached("Many members are waiting for files right now. Try again in a few minutes.")
        self._members.add(user_id)
        try:
            async with self._turn:
                answer = await child.call(
                    "bot.engines.score.files",
                    {
                        "clip": str(clip),
                        "kind": kind,
                        "folder": str(folder),
                        "title": recipe.prompt,
                        "seconds": recipe.seconds,
                        "seed": recipe.seed,
                        "loop": recipe.loops,
                    },
                    _SECONDS + _SECONDS_PER_SECOND * recipe.seconds,
                    failed="The files couldn't be made.",
                    late="Making the files took too long. Try again when fewer clips are being made.",
                )
        finally:
            self._members.discard(user_id)
        files = tuple(folder / name for name in answer["files"])
        return Made(files, answer["tempo"], answer["metre"], answer["divided"])
