"""`antiphon …` for tests, with engines that play test tones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bot.config import FIELDS

ROOT = Path(__file__).parents[1]


class Antiphon:
    """`antiphon …`, with engines that play test tones, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        inherited = {k: v for k, v in os.environ.items() if k.lower() not in FIELDS}
        return subprocess.run(
            [sys.executable, "-m", "tests.program", *arguments],
            cwd=self.folder,
            env=inherited | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"} | environment,
            capture_output=True,
            text=True,
            check=False,
        )
