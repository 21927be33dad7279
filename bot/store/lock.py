"""One bot a database: a lock that dies with its owner, on the file itself, by whatever name it is opened.

Two locks are held. The first is an open SQLite transaction on a file beside the database, under the name that
symbolic links lead to; it works on every system, and across containers that share the folder. The second is
named by the database's device and inode, so a hard link is the same database; it holds within one machine.
The database file itself is not locked: on some systems SQLite's own locks would collide with it, and closing
a second handle of the file would drop them.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bot.errors import DatabaseInUse, StoreError


def lock(path: Path) -> ExitStack:
    """Take the locks of the database at `path`, made as an empty file if absent; close() lets go of them.

    Raises DatabaseInUse where another bot holds one, else StoreError.
    """
    with ExitStack() as held:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            real = path.resolve()
            held.callback(_exclusive(real.with_name(real.name + ".lock")).close)
            if not real.exists():
                real.touch()
            held.callback(_identity(real.stat()).close)
        except (sqlite3.Error, OSError) as error:
            if "locked" in str(error):
                raise DatabaseInUse(f"Another bot is using {path}. Stop it first.") from error
            raise StoreError(f"The database {path} cannot be opened for writing: {error}.") from error
        return held.pop_all()


def _exclusive(file: Path) -> sqlite3.Connection:
    """Begin a transaction on a file of its own, which ends with the process."""
    connection = sqlite3.connect(file, isolation_level=None, timeout=1, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("BEGIN EXCLUSIVE")
    except BaseException:
        connection.close()
        raise
    return connection


def _identity(file: os.stat_result) -> socket.socket | sqlite3.Connection:
    """Hold the name of a device and an inode; OSError or sqlite3.Error with “locked” where it is taken.

    On Linux it is an abstract socket (unix(7)): no file that could be swept away from a temporary folder.
    """
    name = f"antiphon-database-{file.st_dev:x}-{file.st_ino:x}"
    if sys.platform != "linux":
        return _exclusive(Path(tempfile.gettempdir(), f"{name}.lock"))
    held = socket.socket(socket.AF_UNIX)
    try:
        held.bind(f"\0{name}")
    except OSError as error:
        held.close()
        raise OSError(f"{name} is locked") from error
    return held
