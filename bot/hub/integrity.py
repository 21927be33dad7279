"""Manifests of downloaded models: size and checksum of every file, verification, removal."""

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
from bot.hub import converted, hub_cache

MANIFEST = "antiphon-fetched.json"
"""Name of the manifest in a downloaded model's folder."""
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """A file of a model. digest: SHA-256 (64 hex digits), or the git blob SHA-1 of small files (40)."""

    path: str
    size: int | None
    digest: str


def checksum(path: Path, like: str) -> str:
    """Return a file's checksum by the algorithm of another digest: SHA-256, or git blob SHA-1."""
    if len(like) == 40:
        found = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    else:
        found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def write_manifest(folder: Path, model: str, commit: str, files: list[ManifestEntry]) -> None:
    """Write the manifest of a downloaded model."""
    content = {
        "model": model,
        "commit": commit,
        "files": {entry.path: {"size": entry.size, "digest": entry.digest} for entry in files},
    }
    (folder / MANIFEST).write_text(json.dumps(content, indent=1), encoding="utf-8")


def read_manifest(folder: Path) -> list[ManifestEntry]:
    """Return a folder's manifest, or one derived from the cache, where files link to blobs named by hash.

    Raises UserError for a damaged manifest.
    """
    try:
        listed: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        return [ManifestEntry(path, fact["size"], fact["digest"]) for path, fact in listed.items()]
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder / MANIFEST} is damaged: fetch the model again.") from error
    links = (path for path in sorted(folder.rglob("*")) if path.is_symlink())
    named = ((path, path.readlink().name) for path in links)
    return [
        ManifestEntry(path.relative_to(folder).as_posix(), None, name)
        for path, name in named
        if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", name)
    ]


def verify(folder: Path) -> Iterator[tuple[ManifestEntry, str]]:
    """Yield each file of the manifest with its defect, "" where it is intact. Needs no network."""
    for entry in read_manifest(folder):
        path = folder / entry.path
        if not path.is_file():
            yield entry, "is missing"
        elif entry.size is not None and path.stat().st_size != entry.size:
            yield entry, f"has {path.stat().st_size:,} bytes instead of {entry.size:,}"
        elif checksum(path, entry.digest) != entry.digest:
            yield entry, "has another content than was published"
        else:
            yield entry, ""


def size_of(model: str) -> int:
    """Return the bytes of a downloaded model on the disk, its converted weights included."""
    folders = (hub_cache.repo_folder(model), converted.folder_of(model))
    files = (
        path
        for folder in folders
        if folder is not None
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    )
    return sum(path.stat().st_size for path in files)


def remove(model: str) -> None:
    """Delete a fetched model and its converted copy from the cache.

    Raises UserError for anything that is not in the cache.
    """
    if not hub_cache.is_hub_name(model) or not hub_cache.repo_folder(model).is_dir():
        raise UserError(
            f"{model} was not fetched, so there is nothing to remove. A folder of your own is yours."
        )
    if (folder := converted.folder_of(model)) is not None:
        shutil.rmtree(folder)
    shutil.rmtree(hub_cache.repo_folder(model))
