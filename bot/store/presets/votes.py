"""Thumbs up and down, and what they are worth."""

from __future__ import annotations

import math

from bot.errors import NotFound, UserError
from bot.store.database import Database, one
from bot.store.presets.model import Viewer
from bot.store.presets.repository import NO_SUCH
from bot.store.presets.rows import VISIBLE, seen_by

Z = 1.959963984540054
"""Quantile of the normal distribution for a two-sided confidence of 95 %."""


def wilson_lower_bound(ups: int, downs: int, z: float = Z) -> float:
    """Return the lower end of Wilson's score interval for the share of thumbs up, 0 to 1; 0 without votes.

    Wilson, Probable Inference, the Law of Succession, and Statistical Inference, JASA 22 (1927): few votes
    are worth less than many of the same share.
    """
    n = ups + downs
    if n == 0:
        return 0.0
    share = ups / n
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt((share * (1 - share) + z * z / (4 * n)) / n)
    return max(0.0, (centre - spread) / (1 + z * z / n))


class Votes:
    """One vote a person and preset, changeable, from those who made a clip with it."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def rate(self, viewer: Viewer, preset_id: int, *, up: bool, now: float) -> tuple[int, int]:
        """Record or change a vote; return all thumbs up and down.

        Raises NotFound where the viewer does not see the preset, UserError where they never rendered with it.
        """
        asked = seen_by(viewer) | {"id": preset_id, "up": int(up), "now": now}
        async with self._db.write() as tx:
            if await one(await tx.execute(_VOTE, asked)) is None:
                if await one(await tx.execute(_SEEN, asked)) is None:
                    raise NotFound(NO_SUCH)
                raise UserError("Who made a clip with a preset can rate it: try `/preset use` first.")
            counted = await one(await tx.execute(_COUNT, {"id": preset_id}))
            ups, downs = (counted["ups"], counted["downs"]) if counted else (0, 0)
            await tx.execute(
                "UPDATE presets SET ups = :ups, downs = :downs, rating = :rating WHERE id = :id",
                {"id": preset_id, "ups": ups, "downs": downs, "rating": wilson_lower_bound(ups, downs)},
            )
        return ups, downs


_SEEN = f"SELECT 1 FROM presets AS p WHERE p.id = :id AND {VISIBLE}"
_VOTE = f"""
INSERT INTO preset_votes (preset_id, user_id, up, voted_at)
SELECT p.id, :user_id, :up, :now FROM presets AS p
WHERE p.id = :id AND {VISIBLE} AND EXISTS (
    SELECT 1 FROM preset_versions AS v JOIN clips AS c ON c.preset_version = v.id
    WHERE v.preset_id = p.id AND c.user_id = :user_id
)
ON CONFLICT (preset_id, user_id) DO UPDATE SET up = excluded.up, voted_at = excluded.voted_at
RETURNING up
"""
_COUNT = """
SELECT coalesce(sum(up), 0) AS ups, count(*) - coalesce(sum(up), 0) AS downs
FROM preset_votes WHERE preset_id = :id
"""
