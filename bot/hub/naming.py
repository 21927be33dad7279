"""Display names of models, which hide the path of a folder."""

from __future__ import annotations

import re

_FOLDER = re.compile(r"[/~.\\]|[A-Za-z]:[/\\]|.*\\")
"""Matches paths, which a name on the hub ("owner/name") cannot begin with or contain."""


def model_name(model: str) -> str:
    """Return the display name of a model of the settings; of a folder its last part alone.

    A prefix that selects the engine, as in "audiocraft:NAME", is kept.
    """
    runtime, colon, name = model.partition(":")
    if not colon or len(runtime) == 1:
        runtime, colon, name = "", "", model
    if not _FOLDER.match(name):
        return model
    parts = [part for part in re.split(r"[/\\]+", name) if part not in ("", ".", "..")]
    return runtime + colon + (parts[-1] if parts else "a folder")
