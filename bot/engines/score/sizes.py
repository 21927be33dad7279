"""Sizes out of a model's config.json, which anybody may have written. Importing this imports no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MAX_WIDTH = 65_536
"""Far more than any part of a score model is wide; a vocabulary is a size as well."""
MAX_LAYERS = 256


def read_config(file: Path) -> dict[str, Any]:
    """Return a config.json. Raises OSError where it cannot be read, and ValueError for no JSON object."""
    data = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(data, dict):
        raise ValueError("it isn't a JSON object")
    return data


def size_in(config: Mapping[str, Any], name: str, most: int = MAX_WIDTH) -> int:
    """Return a size, 1 to `most`. Raises ValueError for anything else, and where there is none."""
    value = config.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise ValueError(f"{name} is {value!r}, not a whole number from 1 to {most:,}")
    return value
