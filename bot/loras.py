"""LoRAs that the owner put into LORA_DIR: their names, files and hashes. Nothing here opens a weight.

A LoRA is NAME.safetensors, or a folder NAME with adapter_model.safetensors or
pytorch_lora_weights.safetensors and perhaps adapter_config.json. Whatever else is there is left alone.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from bot.errors import InvalidRecipe

VARIABLE = "LORA_DIR"
"""The setting and environment variable: Settings.load exports it, and the worker inherits it."""
WEIGHTS = ("adapter_model.safetensors", "pytorch_lora_weights.safetensors")
CONFIG = "adapter_config.json"
HASH_CHARACTERS = 16
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,38}")


def files() -> dict[str, Path]:
    """Return the weights of each LoRA by its name. A link out of the folder is left out."""
    setting = os.environ.get(VARIABLE)
    root = Path(setting).expanduser() if setting else None
    if root is None or not root.is_dir():
        return {}
    found: dict[str, Path] = {}
    for entry in sorted(root.iterdir()):
        candidates = [entry / name for name in WEIGHTS] if entry.is_dir() else [entry]
        name = entry.name if entry.is_dir() else entry.name.removesuffix(".safetensors")
        file = next((one for one in candidates if one.is_file() and one.suffix == ".safetensors"), None)
        if file is None or not _NAME.fullmatch(name) or ".." in name:
            continue
        if file.resolve().is_relative_to(root.resolve()):
            found.setdefault(name, file)
    return found


def hashes() -> dict[str, str]:
    """Return the first 16 hexadecimal digits of each LoRA's SHA-256 by its name."""
    return {name: hash_of(file) for name, file in files().items()}


def hash_of(file: Path) -> str:
    """Return the hash of a LoRA's weights and of the config beside them."""
    parts = [file, *(one for one in [file.with_name(CONFIG)] if file.name in WEIGHTS and one.is_file())]
    return _hash(tuple((str(part), part.stat().st_mtime_ns, part.stat().st_size) for part in parts))


@lru_cache(64)
def _hash(parts: tuple[tuple[str, int, int], ...]) -> str:
    found = hashlib.sha256()
    for path, _, _ in parts:
        with Path(path).open("rb") as opened:
            found.update(hashlib.file_digest(opened, "sha256").digest())
    return found.hexdigest()[:HASH_CHARACTERS]


def pinned(value: str, known: Mapping[str, str]) -> str:
    """Return a LoRA's name with the hash of its file, “name@hash”, so that a recipe means one file for good.

    value: a name, or a name with a hash.  known: hashes by name. Raises InvalidRecipe for one that is not
    there, or that is another file than it was.
    """
    name, _, digest = value.partition("@")
    if name not in known:
        if not known:
            raise InvalidRecipe("There is no LoRA of that name. The owner has added none.")
        names = ", ".join(list(known)[:5])
        raise InvalidRecipe("There is no LoRA of that name. There is {names}.", names=names)
    if digest and digest != known[name]:
        raise InvalidRecipe(
            "The LoRA {name} was replaced since: its file is another one. Leave its hash out.", name=name
        )
    return f"{name}@{known[name]}"
