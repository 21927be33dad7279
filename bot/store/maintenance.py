"""What an owner does with the database while the bot is stopped, or beside it: check, back up, restore."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from bot.errors import StoreError
from bot.store import migrations
from bot.store.lock import lock


def check(path: Path) -> list[str]:
    """Return the file's faults, empty if it has none.

    Raises StoreError where there is no database, it cannot be read, or its schema is newer than the program.
    """
    with closing(_open_existing(path)) as connection:
        try:
            todo = migrations.pending(connection)
            damage = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
            orphans = [
                f"a row of {row[0]} points to a missing row of {row[2]}"
                for row in connection.execute("PRAGMA foreign_key_check")
            ]
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{path} can't be read: {error}. Restore a backup.") from error
    behind = [f"not up to date ({len(todo)} migrations to go): run `antiphon db migrate`"] if todo else []
    return damage + orphans + behind


def backup(path: Path, target: Path) -> None:
    """Copy the database to `target`, consistently even while the bot runs. Never overwrites."""
    if target.exists():
        raise StoreError(f"{target} already exists. Choose another name.")
    with closing(_open_existing(path)) as connection:
        migrations.backup(connection, target)


def restore(source: Path, path: Path, now: float) -> Path | None:
    """Put the copy `source` in the database's place and return where the old one was kept, if there was one.

    Raises StoreError, with the database untouched, where `source` is no sound database of this program, or
    where the bot is running.
    """
    problems = [problem for problem in check(source) if "not up to date" not in problem]
    if problems:
        raise StoreError(f"{source} is damaged ({problems[0]}). Nothing was changed.")
    existed = path.exists()  # the lock makes an empty file
    with lock(path):
        kept = None
        if existed:
            kept = path.with_name(f"{path.name}.before-restore-{int(now)}")
            with closing(migrations.connect(path)) as current:
                migrations.backup(current, kept)
        with closing(_open_existing(source)) as copy, closing(migrations.connect(path)) as target:
            copy.backup(target)
        return kept


def _open_existing(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise StoreError(f"There is no database at {path}. The bot makes one when it starts.")
    try:
        connection = sqlite3.connect(path.resolve().as_uri() + "?mode=ro", uri=True, timeout=5)
        version = migrations.version_of(connection)
    except sqlite3.Error as error:
        raise StoreError(f"{path} can't be read as a database: {error}.") from error
    if version == 0:
        connection.close()
        raise StoreError(f"{path} is a database of some other program.")
    return connection
