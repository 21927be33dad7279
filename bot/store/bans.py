"""Members and servers that are kept from the bot, and switches of the bot's owner."""

from __future__ import annotations

from dataclasses import dataclass

from bot.store.database import Database, one

EVERYWHERE = 0
"""Stands for the server where the bot's owner blocked a member."""


@dataclass(frozen=True, slots=True)
class Ban:
    """A member who is kept from the bot in a server, or everywhere."""

    guild_id: int
    user_id: int
    banned_by: int
    banned_at: float
    reason: str


class Bans:
    """The tables member_bans, blocked_guilds and owner_switches."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def members(self) -> set[tuple[int, int]]:
        """Return every ban as (server's id, member's id)."""
        rows = await self._db.read("SELECT guild_id, user_id FROM member_bans", {})
        return {(row["guild_id"], row["user_id"]) for row in rows}

    async def of_guild(self, guild_id: int, limit: int) -> list[Ban]:
        """Return the bans of a server, newest first."""
        rows = await self._db.read(_SELECT_MEMBER_BANS, {"guild_id": guild_id, "limit": limit})
        return [Ban(**dict(row)) for row in rows]

    async def ban(self, ban: Ban) -> bool:
        """Keep a member from the bot; False where they were already."""
        given = {name: getattr(ban, name) for name in Ban.__slots__}
        async with self._db.write() as tx:
            return await one(tx, _INSERT_MEMBER_BAN, given) is not None

    async def unban(self, guild_id: int, user_id: int) -> bool:
        """Let a member use the bot again; False where they were not banned."""
        async with self._db.write() as tx:
            given = {"guild_id": guild_id, "user_id": user_id}
            return await one(tx, _DELETE_MEMBER_BAN, given) is not None

    async def blocked_guilds(self) -> set[int]:
        """Return the servers that the bot's owner has blocked."""
        return {row["guild_id"] for row in await self._db.read("SELECT guild_id FROM blocked_guilds", {})}

    async def block_guild(self, guild_id: int, blocked_by: int, now: float) -> None:
        """Block a server."""
        await self._db.change(_INSERT_GUILD_BLOCK, {"guild_id": guild_id, "by": blocked_by, "now": now})

    async def unblock_guild(self, guild_id: int) -> None:
        """Allow a server again."""
        await self._db.change("DELETE FROM blocked_guilds WHERE guild_id = :id", {"id": guild_id})

    async def switches(self) -> set[str]:
        """Return the switches that are on."""
        return {row["name"] for row in await self._db.read("SELECT name FROM owner_switches", {})}

    async def switch(self, name: str, on: bool, now: float) -> None:
        """Set a switch, or take it back."""
        async with self._db.write() as tx:
            if on:
                await tx.execute(_INSERT_SWITCH, {"name": name, "now": now})
            else:
                await tx.execute("DELETE FROM owner_switches WHERE name = :name", {"name": name})


_SELECT_MEMBER_BANS = """
SELECT guild_id, user_id, banned_by, banned_at, reason FROM member_bans
WHERE guild_id = :guild_id ORDER BY banned_at DESC LIMIT :limit
"""
_INSERT_MEMBER_BAN = """
INSERT INTO member_bans (guild_id, user_id, banned_by, banned_at, reason)
VALUES (:guild_id, :user_id, :banned_by, :banned_at, :reason) ON CONFLICT DO NOTHING RETURNING user_id
"""
_DELETE_MEMBER_BAN = (
    "DELETE FROM member_bans WHERE guild_id = :guild_id AND user_id = :user_id RETURNING user_id"
)
_INSERT_GUILD_BLOCK = """
INSERT INTO blocked_guilds (guild_id, blocked_by, blocked_at) VALUES (:guild_id, :by, :now)
ON CONFLICT DO NOTHING
"""
_INSERT_SWITCH = "INSERT INTO owner_switches (name, set_at) VALUES (:name, :now) ON CONFLICT DO NOTHING"
