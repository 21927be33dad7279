"""One SQLite file: one connection that writes, one that reads, and a lock so that one program owns it."""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import aiosqlite

from bot.errors import StoreError
from bot.store import maintenance, migrations
from bot.store.lock import lock

Row = sqlite3.Row
Transaction = sqlite3.Connection
"""The connection that writes, on its own thread and within a transaction."""
T = TypeVar("T")


class Database:
    """The program's database, migrated and ready. Make one with `open`."""

    def __init__(self, writer: aiosqlite.Connection, reader: aiosqlite.Connection) -> None:
        self._writer = writer
        self._reader = reader
        self._writing = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, now: float) -> AsyncIterator[Self]:
        """Lock, migrate and open the file; close it after the block. `now` names a migration's backup.

        Raises DatabaseInUse beside another bot, StoreError where it is read-only, damaged or newer than the
        program.
        """
        async with AsyncExitStack() as stack:
            try:
                held = await asyncio.to_thread(lock, path)
                stack.callback(held.close)
                await asyncio.to_thread(migrations.migrate, path, now)
                writer = await stack.enter_async_context(_connection(path))
                reader = await stack.enter_async_context(_connection(path))
                await reader.execute("PRAGMA query_only = ON")
            except sqlite3.Error as error:
                raise StoreError(f"The database {path} cannot be used: {error}.") from error
            yield cls(writer, reader)

    @classmethod
    @asynccontextmanager
    async def view(cls, path: Path) -> AsyncIterator[Self]:
        """Open an existing file of this version for reading, also beside a running bot; writes are refused.

        Raises StoreError where there is no such database, or its schema is of another version.
        """
        problems = await asyncio.to_thread(maintenance.check, path)
        if problems:
            raise StoreError(f"The database {path} cannot be read: {problems[0]}.")
        async with _connection(path) as connection:
            await connection.execute("PRAGMA query_only = ON")
            yield cls(connection, connection)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[aiosqlite.Connection]:
        """Hold the only transaction that writes; it commits at the end of the block, or leaves no trace.

        Raises StoreError where the disk is full or the file cannot be written.
        """
        async with self._writing:
            try:
                try:
                    await self._writer.execute("BEGIN IMMEDIATE")
                    yield self._writer
                    await self._writer.execute("COMMIT")
                except BaseException:
                    await self._writer.rollback()
                    raise
            except sqlite3.OperationalError as error:
                raise StoreError(f"The database cannot be written: {error}.") from error

    async def transact(self, act: Callable[[Transaction], T]) -> T:
        """Run `act` on the writing connection's thread in a transaction of its own; return what it returns.

        It commits, or leaves no trace of an `act` that raises. Begun, it comes to its end, also for a caller
        that is cancelled. One hand-over to the thread, where a block of `write` has one for each statement
        and two more. `act` reads the caller's context variables, such as the language of a refusal.
        Raises as `write`.
        """
        context = contextvars.copy_context()
        async with self._writing:
            try:
                # aiosqlite has no public method that runs a function on its thread.
                execute: Any = self._writer._execute
                result: T = await execute(context.run, _transaction, self._writer._conn, act)
                return result
            except sqlite3.OperationalError as error:
                raise StoreError(f"The database cannot be written: {error}.") from error

    async def change(self, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
        """Execute one statement in a transaction of its own; return the rows of its RETURNING, if it has one.

        Raises as `write`.
        """
        return await self.transact(lambda tx: tx.execute(sql, parameters).fetchall())

    async def change_one(self, sql: str, parameters: Mapping[str, Any]) -> Row | None:
        """Execute a statement as `change`; return the first row of its RETURNING, or None."""
        rows = await self.change(sql, parameters)
        return rows[0] if rows else None

    async def checkpoint(self) -> None:
        """Bring the write-ahead log into the file and empty it, as far as no other reader needs it."""
        async with self._writing:
            # With its row, since the thread keeps an unfinished statement, and the next COMMIT would fail.
            await self._writer.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")

    async def read(self, sql: str, parameters: Mapping[str, Any]) -> list[Row]:
        """Return the rows of one query, as of the last commit."""
        return list(await self._reader.execute_fetchall(sql, parameters))

    async def read_one(self, sql: str, parameters: Mapping[str, Any]) -> Row | None:
        """Return the first row of one query, or None."""
        rows = await self.read(sql, parameters)
        return rows[0] if rows else None


async def one(tx: aiosqlite.Connection, sql: str, parameters: Mapping[str, Any]) -> Row | None:
    """Return the only row of a query, or of a statement that has RETURNING; None where there is none.

    Every row is fetched: SQLite finishes the statement only then. The statement and its rows are one
    hand-over to the connection's thread.
    """
    rows = list(await tx.execute_fetchall(sql, parameters))
    return rows[0] if rows else None


def fetch_one(tx: Transaction, sql: str, parameters: Mapping[str, Any]) -> Row | None:
    """Return what `one` returns, within `transact`."""
    rows = tx.execute(sql, parameters).fetchall()
    return rows[0] if rows else None


def _transaction(connection: Transaction, act: Callable[[Transaction], T]) -> T:
    try:
        connection.execute("BEGIN IMMEDIATE")
        result = act(connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
    return result


@asynccontextmanager
async def _connection(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        connection.row_factory = sqlite3.Row
        await connection.execute("PRAGMA foreign_keys = ON")
        await connection.execute("PRAGMA busy_timeout = 5000")
        await connection.execute("PRAGMA synchronous = FULL")
        # What is deleted is overwritten in the file.
        await connection.execute("PRAGMA secure_delete = ON")
        yield connection
