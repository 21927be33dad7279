"""Clips that members reported, as each server's moderators see them."""

from __future__ import annotations

from dataclasses import dataclass

from bot.errors import LimitReached, NotFound, UserError
from bot.store.database import Database, one
from bot.text import is_blank, visible

MAX_OPEN_CLIP_REPORTS = 20
"""Limit of a member's open reports in a server."""


@dataclass(frozen=True, slots=True)
class ClipCase:
    """A reported clip. user_id: who requested it.  reasons: of its open reports, oldest first."""

    clip_id: int
    user_id: int
    guild_id: int
    channel_id: int
    message_id: int | None
    reasons: list[str]


class ClipReports:
    """The table clip_reports."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def report(self, guild_id: int, clip_id: int, reporter_id: int, reason: str, now: float) -> None:
        """Report a clip to the moderators of the server that it was made in.

        Raises UserError where the reason is blank or the member reported it before, LimitReached where too
        many of their reports wait, NotFound where the clip is not of this server.
        """
        if is_blank(reason):
            raise UserError("The report is empty. Write what is wrong with the clip.")
        given = {
            "guild_id": guild_id,
            "clip_id": clip_id,
            "reporter_id": reporter_id,
            "reason": " ".join(visible(reason).split()),
            "now": now,
            "most": MAX_OPEN_CLIP_REPORTS,
        }
        async with self._db.write() as tx:
            if await one(tx, _INSERT_CLIP_REPORT, given):
                return
            seen = await one(tx, _SELECT_CLIP_IN_GUILD, given)
            waiting = await one(tx, _COUNT_OPEN_CLIP_REPORTS, given)
        if seen is None:
            raise NotFound("That clip was not made in this server.")
        if waiting is not None and waiting["n"] >= MAX_OPEN_CLIP_REPORTS:
            raise LimitReached("You have reported many clips; wait until moderators have looked at them.")
        raise UserError("You reported this clip already; the moderators know of it.")

    async def queue(self, guild_id: int, limit: int) -> list[ClipCase]:
        """Return a server's clips with open reports, most reports first."""
        rows = await self._db.read(_SELECT_CLIP_CASES, {"guild_id": guild_id, "limit": limit})
        return [
            ClipCase(
                row["clip_id"],
                row["user_id"],
                row["guild_id"],
                row["channel_id"],
                row["message_id"],
                [one["reason"] for one in await self._db.read(_SELECT_CLIP_REASONS, dict(row))],
            )
            for row in rows
        ]

    async def case(self, guild_id: int, clip_id: int) -> ClipCase:
        """Return one case. Raises NotFound where it is settled."""
        found = [one for one in await self.queue(guild_id, -1) if one.clip_id == clip_id]
        if not found:
            raise NotFound("That clip is no longer in your queue. `/moderate clips` shows what is.")
        return found[0]

    async def settle(self, guild_id: int, clip_id: int, moderator_id: int, now: float) -> None:
        """Close the open reports of a clip."""
        given = {"guild_id": guild_id, "clip_id": clip_id, "by": moderator_id, "now": now}
        await self._db.change(_SETTLE_CLIP_REPORTS, given)


_INSERT_CLIP_REPORT = """
INSERT INTO clip_reports (clip_id, guild_id, reporter_id, reason, reported_at)
SELECT :clip_id, :guild_id, :reporter_id, :reason, :now
WHERE EXISTS (SELECT 1 FROM clips WHERE id = :clip_id AND guild_id = :guild_id AND deleted_at IS NULL)
  AND (SELECT count(*) FROM clip_reports
       WHERE reporter_id = :reporter_id AND guild_id = :guild_id AND settled_at IS NULL) < :most
ON CONFLICT (clip_id, reporter_id) DO NOTHING
RETURNING id
"""
_SELECT_CLIP_IN_GUILD = """
SELECT 1 FROM clips WHERE id = :clip_id AND guild_id = :guild_id AND deleted_at IS NULL
"""
_COUNT_OPEN_CLIP_REPORTS = """
SELECT count(*) AS n FROM clip_reports
WHERE reporter_id = :reporter_id AND guild_id = :guild_id AND settled_at IS NULL
"""
_SELECT_CLIP_CASES = """
SELECT clip_id, user_id, clips.guild_id, channel_id, message_id
FROM clip_reports JOIN clips ON clips.id = clip_id
WHERE clip_reports.guild_id = :guild_id AND settled_at IS NULL AND deleted_at IS NULL
GROUP BY clip_id ORDER BY count(*) DESC, min(reported_at) LIMIT :limit
"""
_SELECT_CLIP_REASONS = """
SELECT reason FROM clip_reports
WHERE clip_id = :clip_id AND guild_id = :guild_id AND settled_at IS NULL ORDER BY id
"""
_SETTLE_CLIP_REPORTS = """
UPDATE clip_reports SET settled_at = :now, settled_by = :by
WHERE clip_id = :clip_id AND guild_id = :guild_id AND settled_at IS NULL
"""
