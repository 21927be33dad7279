"""The clock of the bot under test: this machine's, turned by what a file says, which the test may rewrite."""

from __future__ import annotations

import os
import time
from pathlib import Path

FILE = "CLOCK_OFFSET_FILE"
"""The environment variable that names the file: seconds to add, ahead of this machine or behind."""


def now() -> float:
    """Return Unix time by the turned clock; this machine's while nothing has turned it."""
    file = os.environ.get(FILE)
    try:
        return time.time() + (float(Path(file).read_text()) if file else 0)
    except FileNotFoundError:
        return time.time()


def turn(file: Path, seconds: float) -> None:
    """Set the offset, in one step for whoever reads it meanwhile."""
    new = file.with_suffix(".new")
    new.write_text(str(seconds))
    new.replace(file)
