"""The sandbox's memory on disk: one SQLite file with a document per entity and the bytes of every upload.

Writes are gathered and committed together shortly after they were made, so that a burst of edits costs one
transaction; a transaction holds whole entities, so a killed process leaves a consistent file.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from pathlib import Path
from typing import TypeVar

from sandbox.model import Entity, Json

log = logging.getLogger(__name__)
SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE documents (
    kind TEXT NOT NULL, id INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE files (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
RETRY_AFTER = 1.0
COMMIT_AFTER = 0.02
"""Seconds a write may wait for others to share its transaction."""

E = TypeVar("E", bound=Entity)


class StoreError(Exception):
    """The history file cannot be used; the message says what to do."""


class Store:
    """Documents, files and settings in one SQLite file, or in memory for `path=None`."""

    def __init__(self, path: Path | None = None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None)
            self._open(path)
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"The sandbox cannot use {path} as its history ({error}). "
                "Move the file away, or choose another place, and start again."
            ) from error
        self._pending: dict[tuple[str, int], Entity | None] = {}
        self._flush: asyncio.TimerHandle | None = None

    def _open(self, path: Path | None) -> None:
        self._db.execute("PRAGMA busy_timeout = 2000")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._db.executescript(
                f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        elif version != SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"it has layout {version}, this version writes {SCHEMA_VERSION}")

    def put(self, entity: Entity) -> None:
        """Store `entity` in its state at the end of the transaction."""
        self._note(entity.kind, entity.id, entity)

    def delete(self, entity: Entity) -> None:
        """Forget `entity`."""
        self._note(entity.kind, entity.id, None)

    def load(self, kind: type[E]) -> list[E]:
        """Every kept entity of a class, oldest first."""
        rows = self._db.execute("SELECT body FROM documents WHERE kind = ? ORDER BY id", (kind.kind,))
        return [kind(**json.loads(body)) for (body,) in rows]

    def largest_id(self) -> int:
        """The largest id in the file, 0 in an empty one."""
        (largest,) = self._db.execute(
            "SELECT max((SELECT ifnull(max(id), 0) FROM documents), (SELECT ifnull(max(id), 0) FROM files))"
        ).fetchone()
        return int(largest)

    def put_file(self, file_id: int, body: bytes) -> None:
        """Keep the bytes of an upload, at once."""
        self._db.execute("INSERT INTO files (id, body) VALUES (?, ?)", (file_id, body))

    def file(self, file_id: int) -> bytes | None:
        """The bytes of an upload, or None when there is none with this id."""
        row = self._db.execute("SELECT body FROM files WHERE id = ?", (file_id,)).fetchone()
        return None if row is None else bytes(row[0])

    def file_ids(self) -> set[int]:
        """The ids of all uploads."""
        return {key for (key,) in self._db.execute("SELECT id FROM files")}

    def delete_file(self, file_id: int) -> None:
        """Forget the bytes of an upload."""
        self._db.execute("DELETE FROM files WHERE id = ?", (file_id,))

    def setting(self, name: str, default: str) -> str:
        """The value kept under `name`; the first call keeps `default`."""
        self._db.execute("INSERT OR IGNORE INTO settings (name, value) VALUES (?, ?)", (name, default))
        (value,) = self._db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return str(value)

    def replace_setting(self, name: str, value: str) -> None:
        """Keep `value` under `name`, whatever was there."""
        self._db.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, value))

    def flush(self) -> None:
        """Write all pending changes in one transaction."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        if not self._pending:
            return
        pending, self._pending = self._pending, {}
        kept = [
            (kind, key, json.dumps(one.dump(), default=vars))
            for (kind, key), one in pending.items()
            if one is not None
        ]
        gone = [key for key, one in pending.items() if one is None]
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR REPLACE INTO documents (kind, id, body) VALUES (?, ?, ?)", kept)
            self._db.executemany("DELETE FROM documents WHERE kind = ? AND id = ?", gone)
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            # A full disk or a foreign lock: what could not be written stays noted, and newer notes win.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._pending = pending | self._pending
            log.warning("The sandbox's history could not be written (%s); it tries again.", error)
            self._flush = asyncio.get_running_loop().call_later(RETRY_AFTER, self.flush)

    def close(self) -> None:
        """Write the pending changes and close the file."""
        self.flush()
        if self._flush is not None:
            self._flush.cancel()
        self._db.close()

    def _note(self, kind: str, key: int, entity: Entity | None) -> None:
        self._pending[kind, key] = entity
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(COMMIT_AFTER, self.flush)


def dumps(value: Json | list[Json]) -> str:
    """`value` as compact JSON."""
    return json.dumps(value, separators=(",", ":"))
