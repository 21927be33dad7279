"""Paths of models in the Hugging Face cache, which all programs of Hugging Face share.

The cache is HF_HUB_CACHE, or `hub` in HF_HOME, or ~/.cache/huggingface/hub. A model is in
models--OWNER--NAME/snapshots/COMMIT, the commit of its main branch in refs/main. A setting may name a folder
instead.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from bot.errors import ModelMissing
from bot.hub.catalogue import entries, lookup
from bot.recipe import Mode

_RUNNER = re.compile(r"[a-z]{2,}:")
"""Prefix that selects another engine: “audiocraft:”, “multiband:”. A single letter is a Windows drive."""
_HUB_NAME = re.compile(r"[\w-][\w.-]{0,95}/[\w-][\w.-]{0,95}")


def root() -> Path:
    """Return the folder of the Hugging Face cache, which may not be there yet."""
    if folder := os.environ.get("HF_HUB_CACHE"):
        return Path(folder).expanduser()
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    return Path(home).expanduser() / "hub"


def is_hub_name(model: str) -> bool:
    """Tell whether this could be OWNER/NAME on the hub."""
    return _HUB_NAME.fullmatch(model) is not None and ".." not in model


def repo_folder(model: str) -> Path:
    """Return the cache folder of a hub model: blobs, refs and snapshots."""
    return root() / f"models--{model.replace('/', '--')}"


def canonical(model: str) -> str:
    """Return the canonical name of a model, equal for every spelling.

    A folder becomes its absolute path with links resolved; a prefix such as “audiocraft:” is kept.
    """
    if model.startswith("remote:"):
        # A server's own id, whatever is in the current folder.
        return model
    if match := _RUNNER.match(model):
        return match[0] + canonical(model[match.end() :])
    path = Path(model).expanduser()
    if path.is_dir() or path.is_absolute():
        return str(path.resolve())
    return model.rstrip("/")


def folder_of(model: str) -> Path | None:
    """Return the folder that a model's files are read from, or None where there is none."""
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    if not is_hub_name(model):
        return None
    repo = repo_folder(model)
    try:
        commit = (repo / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    snapshot = repo / "snapshots" / commit
    return snapshot if re.fullmatch(r"[0-9a-f]{40}", commit) and snapshot.is_dir() else None


def fetched() -> list[str]:
    """Return the names of the hub models with a complete snapshot in the cache, sorted."""
    found = (folder.name.removeprefix("models--") for folder in root().glob("models--*--*"))
    names = (name.replace("--", "/", 1) for name in found)
    return sorted(name for name in names if folder_of(name) is not None)


def missing(mode: Mode, model: str, built_in: list[str]) -> ModelMissing:
    """Return the error for a model that is not on this machine, with instructions."""
    if is_hub_name(model):
        return ModelMissing(
            f"{model} isn't on this computer. Fetch it with `antiphon models fetch {model}`, or name a "
            "folder that holds its files in MODELS."
        )
    names = [*built_in, *(entry.name for entry in entries() if entry.mode is mode)]
    return ModelMissing(
        f"No model named {model} is installed. `antiphon models list` shows what there is: "
        f"{', '.join(names[:4])} and others, or a folder."
    )


def title_of(model: str) -> str:
    """Return the display title of a model: the catalogue's, or the last part of its name."""
    entry = lookup(model)
    return entry.title if entry else Path(model).name
