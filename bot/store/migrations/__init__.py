"""Numbered SQL files, applied in order, each in its own transaction, after a backup.

`PRAGMA user_version` holds the number of the last one applied, and is set in the same transaction.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bot.errors import StoreError

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, order=True)
class Migration:
    """One file `NNNN_what.sql`."""

    version: int
    path: Path


def available(folder: Path = FOLDER) -> list[Migration]:
    """Return the migrations in order. Raises StoreError unless they are numbered 1, 2, 3 … without a gap."""
    found = (
        sorted(
            Migration(int(match[1]), path)
            for path in folder.glob("*.sql")
            if (match := re.match(r"(\d{4})_", path.name))
        )
        if folder.is_dir()
        else []
    )
    if [m.version for m in found] != list(range(1, len(found) + 1)) or not found:
        raise StoreError(f"The migrations in {folder} are not numbered 0001, 0002 … without a gap.")
    return found


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema's version, 0 for an empty database."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def pending(connection: sqlite3.Connection, folder: Path = FOLDER) -> list[Migration]:
    """Return the pending migrations. Raises StoreError where the schema is newer than this program."""
    migrations = available(folder)
    version = version_of(connection)
    if version > len(migrations):
        raise StoreError(
            f"The database is of version {version} and this program knows versions up to {len(migrations)}: "
            "update the program, or restore a backup made by this version."
        )
    return migrations[version:]


def migrate(path: Path, now: float, folder: Path = FOLDER) -> list[Migration]:
    """Migrate the database at `path` and return the applied migrations.

    A database that already holds a schema is first copied beside itself, see backup_before.
    Raises StoreError with the file's name; what an earlier migration did then stays, what the failing one
    did is undone.
    """
    with closing(connect(path)) as connection:
        todo = pending(connection, folder)
        if todo and version_of(connection) > 0:
            backup(connection, backup_before(path, todo[0].version, now))
        for migration in todo:
            _apply(connection, migration)
        return todo


def connect(path: Path) -> sqlite3.Connection:
    """Open the file for writing, made if absent, in WAL mode. Raises StoreError with the reason."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None, timeout=5)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA foreign_keys = ON")
            # On a read-only file BEGIN IMMEDIATE alone would begin to read, without a word.
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(f"PRAGMA user_version = {version_of(connection)}")
            connection.execute("ROLLBACK")
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"The database {path} cannot be opened for writing: {error}.") from error
    return connection


def backup(connection: sqlite3.Connection, target: Path) -> None:
    """Copy the open database to `target`, consistently, while others may use it."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(target)) as copy:
            connection.backup(copy)
    except (sqlite3.Error, OSError) as error:
        target.unlink(missing_ok=True)
        raise StoreError(f"The backup {target} cannot be written: {error}.") from error


def backup_before(path: Path, version: int, now: float) -> Path:
    """Return where the copy made before migration `version` is kept."""
    return path.with_name(f"{path.name}.before-{version:04}-{int(now)}")


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements(migration.path.read_text(encoding="utf-8")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {migration.version}")
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        connection.execute("ROLLBACK")
        raise StoreError(f"The migration {migration.path.name} failed and was undone: {error}.") from error


def statements(sql: str) -> Iterator[str]:
    """Split a script where SQLite itself says that a statement ends (triggers hold semicolons)."""
    statement = ""
    for piece in re.split(r"(?<=;)", sql):
        statement += piece
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
