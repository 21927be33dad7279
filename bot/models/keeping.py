"""What was fetched, file by file: its hashes, looked at again, and its removal."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import UserError
from bot.models import places

LIST = "antiphon-fetched.json"
"""The file in a fetched model's folder that says what belongs there."""
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that belongs to a model. digest: SHA-256 (64 digits), or git's SHA-1 of small files (40)."""

    path: str
    size: int | None
    digest: str


def digest_of(path: Path, like: str) -> str:
    """Return a file's hash, of the kind that `like` is of."""
    if len(like) == 40:
        found = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    else:
        found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def write_list(folder: Path, model: str, commit: str, files: list[Kept]) -> None:
    """Record what belongs to a fetched model."""
    content = {
        "model": model,
        "commit": commit,
        "files": {kept.path: {"size": kept.size, "digest": kept.digest} for kept in files},
    }
    (folder / LIST).write_text(json.dumps(content, indent=1), encoding="utf-8")


def belonging(folder: Path) -> list[Kept]:
    """Return what belongs into a model's folder, by its list, else by the names that the cache gives."""
    try:
        listed: dict[str, Any] = json.loads((folder / LIST).read_text(encoding="utf-8"))["files"]
        return [Kept(path, fact["size"], fact["digest"]) for path, fact in listed.items()]
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder / LIST} is damaged: fetch the model again.") from error
    links = (path for path in sorted(folder.rglob("*")) if path.is_symlink())
    named = ((path, path.readlink().name) for path in links)
    return [
        Kept(path.relative_to(folder).as_posix(), None, name)
        for path, name in named
        if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", name)
    ]


def wrong(folder: Path) -> Iterator[tuple[Kept, str]]:
    """Yield each file that belongs to a model with what is wrong with it, "" for nothing."""
    for kept in belonging(folder):
        path = folder / kept.path
        if not path.is_file():
            yield kept, "is missing"
        elif kept.size is not None and path.stat().st_size != kept.size:
            yield kept, f"has {path.stat().st_size:,} bytes instead of {kept.size:,}"
        elif digest_of(path, kept.digest) != kept.digest:
            yield kept, "has another content than was published"
        else:
            yield kept, ""


def size_of(model: str) -> int:
    """Return the bytes that a fetched model takes on the disk."""
    files = (path for path in places.storage(model).rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files)


def remove(model: str) -> None:
    """Delete a fetched model from the cache. Raises UserError for anything that is not in it."""
    if not places.is_hub_name(model) or not places.storage(model).is_dir():
        raise UserError(
            f"{model} was not fetched, so there is nothing to remove. A folder of your own is yours."
        )
    shutil.rmtree(places.storage(model))
