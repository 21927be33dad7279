"""Thumbs up and down on presets, and the rating that follows from them."""

from __future__ import annotations

from bot.arena.wilson import wilson_interval
from bot.errors import NotFound, UserError
from bot.store.database import Database, one
from bot.store.presets.model import Viewer
from bot.store.presets.repository import NO_SUCH
from bot.store.presets.rows import VISIBLE, seen_by


class Votes:
    """One changeable vote per person and preset, for members who made a clip with it."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def may_rate(self, user_id: int, preset_id: int) -> bool:
        """Tell whether a person made a clip with a preset, in any of its versions."""
        asked = {"id": preset_id, "user_id": user_id}
        return await self._db.read_one(_SELECT_IF_USED, asked) is not None

    async def rate(self, viewer: Viewer, preset_id: int, *, up: bool, now: float) -> tuple[int, int]:
        """Record or change a vote; return all thumbs up and down.

        Raises NotFound where the viewer does not see the preset, UserError where they never rendered with it.
        """
        asked = seen_by(viewer) | {"id": preset_id, "up": int(up), "now": now}
        async with self._db.write() as tx:
            if await one(tx, _UPSERT_PRESET_VOTE, asked) is None:
                if await one(tx, _SELECT_IF_VISIBLE, asked) is None:
                    raise NotFound(NO_SUCH)
                raise UserError("Make a clip with this preset first; then you can rate it.")
            counted = await one(tx, _COUNT_PRESET_VOTES, {"id": preset_id})
            ups, downs = (counted["ups"], counted["downs"]) if counted else (0, 0)
            # The interval's lower end, so that few votes rank below many of the same share.
            rating = wilson_interval(ups / (ups + downs), ups + downs)[0]
            await tx.execute(
                "UPDATE presets SET ups = :ups, downs = :downs, rating = :rating WHERE id = :id",
                {"id": preset_id, "ups": ups, "downs": downs, "rating": rating},
            )
        return ups, downs


_SELECT_IF_VISIBLE = f"SELECT 1 FROM presets AS p WHERE p.id = :id AND {VISIBLE}"
_SELECT_IF_USED = """
SELECT 1 FROM preset_versions AS v JOIN clips AS c ON c.preset_version = v.id
WHERE v.preset_id = :id AND c.user_id = :user_id
"""
_UPSERT_PRESET_VOTE = f"""
INSERT INTO preset_votes (preset_id, user_id, up, voted_at)
SELECT p.id, :user_id, :up, :now FROM presets AS p
WHERE p.id = :id AND {VISIBLE} AND EXISTS ({_SELECT_IF_USED})
ON CONFLICT (preset_id, user_id) DO UPDATE SET up = excluded.up, voted_at = excluded.voted_at
RETURNING up
"""
_COUNT_PRESET_VOTES = """
SELECT coalesce(sum(up), 0) AS ups, count(*) - coalesce(sum(up), 0) AS downs
FROM preset_votes WHERE preset_id = :id
"""
