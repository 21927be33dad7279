"""audiocraft as the reference implementation: its MusicGen, and MultiBandDiffusion.

audiocraft 1.3.0, its last release, pins torch 2.1, av 11, xformers and torchtext, so it is installed
without its dependencies and imported with stub modules for those that conflict with current versions of the
rest. Importing this package imports no torch.
"""

from __future__ import annotations

import importlib.util

from bot.errors import ModelMissing

VERSION = "1.3.0"
"""The release of audiocraft that this was written for."""

HOW_TO_GET = (
    "Run `make install-audiocraft`, or by hand in the project's folder: `pip install -e '.[audiocraft]'` and "
    f"`pip install --no-deps audiocraft=={VERSION}`."
)


def require() -> None:
    """Raise ModelMissing with how to get it where audiocraft is not installed. Imports nothing of it."""
    if importlib.util.find_spec("audiocraft") is None:
        raise ModelMissing(f"audiocraft is not installed. {HOW_TO_GET}")
