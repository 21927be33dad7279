"""Scratch folders beside the clips: each belongs to the process that made it.

A folder `.finishing-NAME` is owned through an exclusive lock on the file `.finishing-NAME.lock`. The
operating system releases the lock when its owner ends, however it ends, so a lock that can be taken marks a
dead owner. Process ids would not do: they are reused, and mean nothing across containers that share a disk.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> None:
        """Lock a file without waiting. Raises OSError where another process has it."""
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> None:
        """Lock a file without waiting. Raises OSError where another open file, here or elsewhere, has it.

        flock belongs to the open file and not to the process, as POSIX record locks do: a sweep in the
        owner's own process is kept out too.
        """
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


PREFIX = ".finishing-"
LOCK_SUFFIX = ".lock"
_HELD = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}
"""What flock and msvcrt.locking answer where another open file has the lock."""


@contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """Make a folder on the same disk as a file to be written; it is removed afterwards.

    Folders whose owners are dead are swept on the way. Raises OSError where nothing can be written there.
    """
    discard_leftovers(beside.parent)
    folder, lock = _owned_folder(beside.parent)
    try:
        yield folder
    finally:
        # The lock goes last, so a folder without one has no owner.
        shutil.rmtree(folder, ignore_errors=True)
        _remove(lock)


def discard_leftovers(parent: Path) -> int:
    """Delete the scratch folders in `parent` whose owners are dead, and return how many there were."""
    found = [entry for entry in os.scandir(parent) if entry.name.startswith(PREFIX)]
    names = {entry.name.removesuffix(LOCK_SUFFIX) for entry in found}
    return sum(_discard(parent / name) for name in sorted(names))


def _owned_folder(parent: Path) -> tuple[Path, IO[bytes]]:
    """Make and lock a new lock file, then its folder; return the folder and the open lock."""
    while True:
        folder = parent / f"{PREFIX}{secrets.token_hex(8)}"
        lock = _lock_path(folder).open("xb")
        try:
            if _locked(lock) and _is_at(lock, _lock_path(folder)):
                folder.mkdir()
                return folder, lock
        except BaseException:
            _remove(lock)
            raise
        # A sweep took the lock between the file's creation and here, and has removed it.
        lock.close()


def _locked(file: IO[bytes]) -> bool:
    """Lock a file without waiting; tell whether no other open file has it.

    On a file system without locks the owner goes on without one; no sweep can take such a lock either.
    """
    try:
        _try_lock(file)
    except OSError as error:
        return error.errno not in _HELD
    return True


def _discard(folder: Path) -> bool:
    """Delete a folder and its lock where the owner is dead; tell whether there was such a folder."""
    there = folder.exists()
    try:
        lock = _lock_path(folder).open("r+b")
    except FileNotFoundError:
        # An owner makes the lock before the folder and removes it after: nobody owns this one.
        shutil.rmtree(folder, ignore_errors=True)
        return there
    except OSError:
        return False
    try:
        _try_lock(lock)
    except OSError:
        lock.close()
        return False
    shutil.rmtree(folder, ignore_errors=True)
    _remove(lock)
    return there


def _lock_path(folder: Path) -> Path:
    return folder.with_name(folder.name + LOCK_SUFFIX)


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _remove(lock: IO[bytes]) -> None:
    """Unlink and close a lock file; Windows unlinks closed files only."""
    if sys.platform == "win32":
        lock.close()
    with lock, suppress(OSError):
        Path(lock.name).unlink()
