"""How a model is called where members read it."""

from __future__ import annotations

import re

_FOLDER = re.compile(r"[/~.\\]|[A-Za-z]:[/\\]|.*\\")
"""What a path begins with, or holds, that no name on the hub has: those are "owner/name"."""


def model_name(model: str) -> str:
    """Return a model as the settings name it; of a folder only its last part, which hides the owner's home.

    What stands before a colon says how the model is run, as in "audiocraft:NAME", and stays.
    """
    runtime, colon, name = model.partition(":")
    if not colon or len(runtime) == 1:
        runtime, colon, name = "", "", model
    if not _FOLDER.match(name):
        return model
    parts = [part for part in re.split(r"[/\\]+", name) if part not in ("", ".", "..")]
    return runtime + colon + (parts[-1] if parts else "a folder")
