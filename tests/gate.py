"""A gate between a test and an engine in another process: a held clip goes on once the test lets it.

Each permit is a file, and whoever removes it has taken it, so one permit lets one clip through.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

FOLDER = "TONE_GATE"
"""The environment variable that names the permits' folder."""


def open_for(folder: Path, clips: int = 1) -> None:
    """Let so many held clips through, now or when they come."""
    folder.mkdir(exist_ok=True)
    for _ in range(clips):
        (folder / uuid.uuid4().hex).touch()


def passed() -> bool:
    """Take a permit; False where there is none."""
    folder = Path(os.environ[FOLDER])
    for permit in folder.iterdir() if folder.exists() else ():
        try:
            permit.unlink()
        except FileNotFoundError:
            continue
        return True
    return False
