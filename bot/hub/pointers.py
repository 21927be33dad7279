"""Detection of Git-LFS pointers: the text in place of a large file in a clone without Git LFS."""

from __future__ import annotations

from pathlib import Path

from bot.errors import ModelMissing

_FIRST_LINE = b"version https://git-lfs.github.com/spec/"
"""Source: the specification of Git LFS, docs/spec.md."""


def is_pointer(file: Path) -> bool:
    """Tell whether a file is a Git-LFS pointer; False where it cannot be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(len(_FIRST_LINE)) == _FIRST_LINE
    except OSError:
        return False


def refuse_pointer(file: Path) -> None:
    """Raise ModelMissing, with what to do, where a file is a Git-LFS pointer."""
    if is_pointer(file):
        raise pointer_error(file)


def pointer_error(file: Path) -> ModelMissing:
    """Return the error for a file that is a Git-LFS pointer, with what to do."""
    return ModelMissing(
        f"{file} is a Git-LFS pointer, not the file itself: run `git lfs pull` in its folder, or fetch the "
        "model again with `antiphon models fetch`."
    )


def refuse_pointers(folder: Path, *patterns: str) -> None:
    """Raise ModelMissing where a file that matches one of the patterns is a Git-LFS pointer."""
    for pattern in patterns:
        for file in sorted(folder.glob(pattern)):
            refuse_pointer(file)
