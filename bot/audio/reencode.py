"""Re-encoding of a stored clip at a lower bitrate, in a short-lived process, and the size to aim at."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from bot.audio import child

log = logging.getLogger(__name__)

MAX_SECONDS = 300.0
"""After this the process is given up; it takes a few seconds for a clip of a minute."""


SHRINK_FACTOR = 0.6
"""Share of its size that an upload keeps after a refusal as too large (413, 40005): Discord does not say what
the place accepts."""
MIN_BYTES = 64 * 1024
"""Below this the fault is not the size: no further attempt is made."""


def smaller_limit(paths: Iterable[Path]) -> int | None:
    """Return the size in bytes to aim at after files were refused as too large; None below MIN_BYTES."""
    limit = int(max((path.stat().st_size for path in paths), default=0) * SHRINK_FACTOR)
    return limit if limit >= MIN_BYTES else None


async def reencode(path: Path, max_bytes: int, out_path: Path | None = None) -> Path:
    """Write the MP3 of a clip again with at most max_bytes, and return where it is.

    out_path: None replaces the file itself, in one step and at the end, so a kill leaves the old or the new
    clip and no third file. The ID3 tag, and the recipe in it, is kept to the byte; length and loudness stay.
    The two files of a duel have to stay alike: make them anew with `duels.neutral.neutralise`.

    Raises RenderError in words for the requester where the clip does not fit even at the lowest bitrate,
    cannot be read, or the disk is full; the file is then as it was. The process ends with its caller's task.
    """
    target = path if out_path is None else out_path
    request = {"path": str(path), "out_path": str(target), "max_bytes": max_bytes}
    answer = await child.call(
        "bot.audio.smaller",
        request,
        MAX_SECONDS,
        failed="The clip couldn't be made smaller.",
        late="Making the clip smaller took too long.",
    )
    log.info("%s was encoded again with %d bytes", path.name, answer["bytes"])
    return target
