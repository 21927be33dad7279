"""The audit log: acts of moderators, managers and the bot's owner."""

from __future__ import annotations

from dataclasses import dataclass

from bot.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One act. guild_id: 0 for one on the whole bot.  member_id: whom it concerns.  at: Unix seconds.

    detail: one line of plain words, without anything that members typed.
    """

    guild_id: int
    at: float
    actor_id: int
    act: str
    member_id: int | None = None
    detail: str = ""


class AuditLog:
    """The table audit_log."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(self, entry: Entry) -> None:
        """Record an act."""
        given = {name: getattr(entry, name) for name in Entry.__slots__}
        await self._db.change(_INSERT_ENTRY, given)

    async def of_guild(self, guild_id: int, limit: int) -> list[Entry]:
        """Return the newest acts of a server, newest first."""
        rows = await self._db.read(_SELECT_ENTRIES, {"guild_id": guild_id, "limit": limit})
        return [Entry(**dict(row)) for row in rows]


_INSERT_ENTRY = """
INSERT INTO audit_log (guild_id, at, actor_id, act, member_id, detail)
VALUES (:guild_id, :at, :actor_id, :act, :member_id, :detail)
"""
_SELECT_ENTRIES = """
SELECT guild_id, at, actor_id, act, member_id, detail FROM audit_log
WHERE guild_id = :guild_id ORDER BY id DESC LIMIT :limit
"""
