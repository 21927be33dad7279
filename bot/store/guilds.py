"""Settings of servers and their channels: a name and a JSON value a row."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping

from bot.store.database import Database

Stored = Mapping[int, Mapping[str, object]]
"""Of one server: channel's id, 0 for the whole server → name → value."""


class GuildSettings:
    """The table guild_settings."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def all(self) -> dict[int, Stored]:
        """Return the settings of every server by its id."""
        found: dict[int, dict[int, dict[str, object]]] = defaultdict(lambda: defaultdict(dict))
        for row in await self._db.read(_SELECT_SETTINGS, {}):
            found[row["guild_id"]][row["channel_id"]][row["name"]] = json.loads(row["value"])
        return dict(found)

    async def put(self, guild_id: int, channel_id: int, name: str, value: object) -> None:
        """Store one value, or forget it where it is None."""
        key = {"guild_id": guild_id, "channel_id": channel_id, "name": name}
        async with self._db.write() as tx:
            if value is None:
                await tx.execute(_DELETE_SETTING, key)
            else:
                await tx.execute(_UPSERT_SETTING, key | {"value": json.dumps(value, ensure_ascii=False)})


_SELECT_SETTINGS = "SELECT guild_id, channel_id, name, value FROM guild_settings"
_DELETE_SETTING = """
DELETE FROM guild_settings WHERE guild_id = :guild_id AND channel_id = :channel_id AND name = :name
"""
_UPSERT_SETTING = """
INSERT INTO guild_settings (guild_id, channel_id, name, value) VALUES (:guild_id, :channel_id, :name, :value)
ON CONFLICT (guild_id, channel_id, name) DO UPDATE SET value = excluded.value
"""
