"""The commands of an application as they were registered last."""

from __future__ import annotations

from dataclasses import dataclass

from bot.store.database import Database


@dataclass(frozen=True, slots=True)
class Registered:
    """payload_sha256: of the sent commands.  versions: ids and versions of Discord's commands, as JSON."""

    payload_sha256: str
    versions: str


class Registrations:
    """The table command_registrations, one row an application."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def last(self, application_id: int) -> Registered | None:
        """Return the last registration, or None."""
        row = await self._db.read_one(
            "SELECT payload_sha256, versions FROM command_registrations WHERE application_id = :id",
            {"id": application_id},
        )
        return Registered(row["payload_sha256"], row["versions"]) if row else None

    async def record(self, application_id: int, registered: Registered, now: float) -> None:
        """Store a registration in place of the last one. now: Unix time in seconds."""
        given = {
            "id": application_id,
            "sha": registered.payload_sha256,
            "versions": registered.versions,
            "now": now,
        }
        await self._db.change(_UPSERT_REGISTRATION, given)


_UPSERT_REGISTRATION = """
INSERT INTO command_registrations (application_id, payload_sha256, versions, registered_at)
VALUES (:id, :sha, :versions, :now)
ON CONFLICT (application_id) DO UPDATE SET
    payload_sha256 = excluded.payload_sha256,
    versions = excluded.versions,
    registered_at = excluded.registered_at
"""
