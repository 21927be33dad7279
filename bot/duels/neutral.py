"""Has a pair of clips made alike by a short-lived process of its own."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NamedTuple, Self

from bot.audio import child

log = logging.getLogger(__name__)


class NeutralFiles(NamedTuple):
    """Names, in the clips' folder, of an open duel's files: two MP3s without tags, and a picture of both."""

    a: str
    b: str
    picture: str

    @classmethod
    def of(cls, duel_id: int) -> Self:
        """Return the names for a duel, which follow from its id alone."""
        stem = f"duel-{duel_id:08}"
        return cls(f"{stem}-a.mp3", f"{stem}-b.mp3", f"{stem}.png")


PATIENCE = 300.0
"""Seconds after which the process is given up; it takes a few for clips of a minute."""


async def neutralise(a: Path, b: Path, out_a: Path, out_b: Path, picture: Path, max_bytes: int) -> None:
    """Write the neutral files and their picture, whole or not at all.

    Raises RenderError in words for the requester. The process ends with its caller's task.
    """
    request: dict[str, Any] = {
        "a": str(a),
        "b": str(b),
        "out_a": str(out_a),
        "out_b": str(out_b),
        "picture": str(picture),
        "max_bytes": max_bytes,
    }
    answer = await child.call(
        "bot.audio.pair",
        request,
        PATIENCE,
        failed="The two clips couldn't be made equally loud.",
        late="Making the two clips equally loud took too long. Try again.",
    )
    log.debug("mastered a pair of clips to equal loudness: %s", answer)
