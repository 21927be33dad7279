"""Erasure and export of what is kept of one member, erasure by age, and of a server that the bot left.

The registry (personal.py) says what is where. An erasure is one transaction, so a kill leaves all or nothing
of it; messages in Discord are recorded for deletion in the same transaction, and files without a record are
removed after it or at the next start.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import aiosqlite

from bot.errors import StoreError
from bot.store.database import Database, Row
from bot.store.personal import REGISTRY, SEARCH_INDEXES
from bot.store.removals import Removed, cancel_jobs, end_duels

GRACE_SECONDS = 30 * 24 * 3600.0
"""How long a server's own data is kept after the bot was removed from it: it may be invited back."""
_REQUEST_OVER = "Erased at the member's request."


def request_erasure(path: Path, user_id: int, now: float) -> None:
    """Have a running bot, whose database has this version, erase a member. Raises StoreError.

    It is the one thing that another process ever writes beside the bot: one row, in a transaction of its own.
    The row goes in the transaction that erases the member, so no kill loses a request.
    """
    sql = "INSERT INTO erasure_requests VALUES (:user_id, :now) ON CONFLICT DO NOTHING"
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as connection:
            connection.execute(sql, {"user_id": user_id, "now": now})
    except sqlite3.Error as error:
        raise StoreError(f"The database {path} cannot be written: {error}. Nothing was erased.") from error


def erasure_is_requested(path: Path, user_id: int) -> bool:
    """Tell whether a request stands, beside a running bot. Raises StoreError."""
    sql = "SELECT count(*) FROM erasure_requests WHERE user_id = ?"
    try:
        with closing(
            sqlite3.connect(path.resolve().as_uri() + "?mode=ro", uri=True, timeout=5)
        ) as connection:
            return bool(connection.execute(sql, [user_id]).fetchone()[0])
    except sqlite3.Error as error:
        raise StoreError(f"The database {path} cannot be read: {error}.") from error


class Erasure:
    """Reads, counts and erases by the registry."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def count(self, user_id: int) -> dict[str, int]:
        """Return how many rows of each kind are a member's, by the kind's noun, without those of none."""
        counts: dict[str, int] = {}
        for name, table in REGISTRY.items():
            for column, rule in list(table.members.items())[:1]:
                row = await self._db.read_one(
                    f"SELECT count(*) AS n FROM {name} WHERE {rule.of(column)}", {"id": user_id}
                )
                if table.noun and row is not None and row["n"]:
                    counts[table.noun] = row["n"]
        return counts

    async def export(self, user_id: int) -> dict[str, list[dict[str, Any]]]:
        """Return every row that is a member's, by table, without the tokens that Discord's answers need.

        Clips of a duel that is not over are left out: they would tell which side is which.
        """
        tables: dict[str, list[dict[str, Any]]] = {}
        for name, table in REGISTRY.items():
            conditions = [rule.of(column) for column, rule in table.members.items()]
            conditions += [table.through] if table.through else []
            if not conditions:
                continue
            blind = _NOT_IN_OPEN_DUEL.get(name, "1")
            rows = await self._db.read(
                f"SELECT * FROM {name} WHERE ({' OR '.join(conditions)}) AND {blind}", {"id": user_id}
            )
            if rows:
                tables[name] = [_exported(row, table.secret) for row in rows]
        return tables

    async def requested(self) -> list[int]:
        """Return the members whose erasure the command line asked for, in the order of the requests."""
        sql = "SELECT user_id FROM erasure_requests ORDER BY requested_at, user_id"
        return [row["user_id"] for row in await self._db.read(sql, {})]

    async def erase_member(self, user_id: int, now: float) -> Removed:
        """Erase a member everywhere, and record the deletion of their messages.

        Jobs that were open are cancelled and unfinished duels ended; the caller stops their rendering.
        """
        about = {"id": user_id, "now": now, "why": _REQUEST_OVER, "pseudonym": -secrets.randbits(62) - 1}
        async with self._db.write() as tx:
            duel_ids, in_duels = await end_duels(tx, "user_id = :id", about, _REQUEST_OVER)
            jobs = [*in_duels, *await cancel_jobs(tx, "user_id = :id", about)]
            for statement in (_DELETE_CLIP_MESSAGES, _DELETE_DUEL_MESSAGES, _DELETE_ANSWERS):
                await tx.execute(statement, about)
            for table in REGISTRY.values():
                for column, rule in table.members.items():
                    for sql in rule.sql:
                        await tx.execute(sql.format(which=rule.of(column)), about)
            await _merge_search_indexes(tx)
        await self._forget_freed_pages()
        return Removed(tuple(jobs), tuple(duel_ids))

    async def erase_older(self, before: float, now: float) -> int:
        """Erase what the registry lets age, where it is over and older than a time; return how many rows.

        Messages in Discord stay: they are the channel's.
        """
        erased = 0
        async with self._db.write() as tx:
            for table in REGISTRY.values():
                for rule in (*table.members.values(), *table.guilds.values()):
                    for sql in rule.sql if rule.aged else ():
                        cursor = await tx.execute(sql.format(which=rule.aged), {"before": before, "now": now})
                        erased += max(cursor.rowcount, 0)
        if erased:
            await self._forget_freed_pages()
        return erased

    async def guild_left(self, guild_id: int, now: float) -> None:
        """Record that the bot was removed from a server."""
        await self._db.change(_INSERT_LEFT_GUILD, {"guild_id": guild_id, "now": now})

    async def guild_joined(self, guild_id: int) -> None:
        """Record that the bot is in a server."""
        await self._db.change("DELETE FROM left_guilds WHERE guild_id = :id", {"id": guild_id})

    async def guilds_present(self, guild_ids: list[int], now: float) -> None:
        """Record all servers that the bot is in; others that have data of their own have been left."""
        present = {"ids": json.dumps(guild_ids), "now": now}
        async with self._db.write() as tx:
            await tx.execute(
                "DELETE FROM left_guilds WHERE guild_id IN (SELECT value FROM json_each(:ids))", present
            )
            own = " UNION ".join(
                f"SELECT {column} AS guild_id FROM {name}"
                for name, table in REGISTRY.items()
                for column, rule in table.guilds.items()
                if rule.sql and name not in ("left_guilds", "upload_limits")
            )
            await tx.execute(_INSERT_ABSENT_GUILDS.format(own=own), present)

    async def erase_left_guilds(self, now: float) -> list[int]:
        """Erase the own data of servers that the bot left GRACE_SECONDS ago; return their ids."""
        overdue = {"before": now - GRACE_SECONDS}
        rows = await self._db.read("SELECT guild_id FROM left_guilds WHERE left_at <= :before", overdue)
        for row in rows:
            async with self._db.write() as tx:
                about = {"id": row["guild_id"], "now": now}
                for table in REGISTRY.values():
                    for column, rule in table.guilds.items():
                        for sql in rule.sql:
                            await tx.execute(sql.format(which=rule.of(column)), about)
        return [row["guild_id"] for row in rows]

    async def _forget_freed_pages(self) -> None:
        """Write the log back into the file and empty it: it holds pages as they were before."""
        await self._db.checkpoint()


async def _merge_search_indexes(tx: aiosqlite.Connection) -> None:
    for index in SEARCH_INDEXES:
        await tx.execute(f"INSERT INTO {index} ({index}) VALUES ('optimize')")


def _exported(row: Row, secret: tuple[str, ...]) -> dict[str, Any]:
    return {key: _parsed(row[key]) for key in row.keys() if key not in secret}  # noqa: SIM118


def _parsed(value: Any) -> Any:
    """Return JSON of an object or array as what it stands for."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


_IN_OPEN_DUEL = """
SELECT job_id FROM duel_sides JOIN duels ON duels.id = duel_id WHERE duels.state NOT IN ('revealed', 'failed')
"""
_NOT_IN_OPEN_DUEL = {"jobs": f"id NOT IN ({_IN_OPEN_DUEL})", "clips": f"job_id NOT IN ({_IN_OPEN_DUEL})"}
_INSERT_DELETION = (
    "INSERT INTO clip_deletions (clip_id, guild_id, channel_id, message_id, application_id, requested_at)"
)
_DELETE_CLIP_MESSAGES = f"""
{_INSERT_DELETION}
SELECT clips.id, clips.guild_id, clips.channel_id, clips.message_id, application_id, :now
FROM clips JOIN jobs ON jobs.id = job_id
WHERE clips.user_id = :id AND deleted_at IS NULL AND clips.message_id IS NOT NULL
  AND ephemeral = 0 AND in_duel = 0
"""
_DELETE_DUEL_MESSAGES = f"""
{_INSERT_DELETION}
SELECT NULL, guild_id, channel_id, message_id, application_id, :now FROM duels
WHERE user_id = :id AND message_id > 0
UNION
SELECT NULL, guild_id, channel_id, answer_id, application_id, :now FROM duels
WHERE user_id = :id AND answer_id IS NOT NULL AND answer_ephemeral = 0
"""
# Answers that show a prompt: of jobs that never got a clip, and those that point to a clip posted elsewhere.
_DELETE_ANSWERS = f"""
{_INSERT_DELETION}
SELECT NULL, guild_id, channel_id, answer_id, application_id, :now FROM jobs
WHERE user_id = :id AND answer_id IS NOT NULL AND answer_ephemeral = 0
  AND NOT EXISTS (SELECT 1 FROM clip_deletions WHERE message_id = answer_id)
  AND NOT EXISTS (SELECT 1 FROM clips WHERE job_id = jobs.id AND deleted_at IS NOT NULL)
"""
_INSERT_LEFT_GUILD = "INSERT INTO left_guilds VALUES (:guild_id, :now) ON CONFLICT DO NOTHING"
_INSERT_ABSENT_GUILDS = """
INSERT INTO left_guilds SELECT DISTINCT guild_id, :now FROM ({own})
WHERE guild_id > 0 AND guild_id NOT IN (SELECT value FROM json_each(:ids))
ON CONFLICT DO NOTHING
"""
