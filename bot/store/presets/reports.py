"""Reports on presets and the moderators' decisions, per server or everywhere for the bot's owner."""

from __future__ import annotations

from dataclasses import dataclass

from bot.errors import LimitReached, NotFound, UserError
from bot.store.database import Database, one
from bot.store.presets.model import EVERYWHERE, Preset, Viewer
from bot.store.presets.repository import NO_SUCH
from bot.store.presets.rows import NEWEST, VISIBLE, preset_of, seen_by
from bot.text import is_blank, visible

MAX_OPEN_REPORTS = 20
"""Limit of open reports per member and server."""

SETTLED = "That preset is no longer in your queue. `/reports` shows what is."


@dataclass(frozen=True, slots=True)
class Case:
    """A preset in moderation. reasons: of its open reports, oldest first."""

    preset: Preset
    reasons: list[str]
    hidden: bool
    banned: bool


class Reports:
    """The moderation queue of each server, and of the whole bot under guild EVERYWHERE."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def report(self, viewer: Viewer, preset_id: int, reason: str, now: float) -> None:
        """Report a preset to the moderators of the server where it was seen.

        Raises NotFound where they do not see it, UserError where the reason is blank, where they reported it
        already or it is theirs, LimitReached where too many of their reports wait.
        """
        if is_blank(reason):
            raise UserError("The report is empty. Say what is wrong with the preset.")
        asked = seen_by(viewer) | {
            "id": preset_id,
            "queue": viewer.guild_id or EVERYWHERE,
            "reason": " ".join(visible(reason).split()),
            "most": MAX_OPEN_REPORTS,
            "now": now,
        }
        async with self._db.write() as tx:
            if await one(tx, _INSERT_REPORT, asked):
                return
            seen = await one(tx, _SELECT_OWNER_IF_VISIBLE, asked)
            waiting = await one(tx, _COUNT_OPEN_REPORTS, asked)
        if seen is None:
            raise NotFound(NO_SUCH)
        if seen["owner_id"] == viewer.user_id:
            raise UserError("That preset is yours. You can delete it with `/preset delete`.")
        if waiting is not None and waiting["n"] >= MAX_OPEN_REPORTS:
            raise LimitReached("You have many open reports. Wait until the moderators have looked at them.")
        raise UserError("You've already reported this preset. The moderators will look at it.")

    async def queue(self, guild_id: int, limit: int = 10) -> list[Case]:
        """Return the cases by number of open reports, then those that are hidden or banned."""
        rows = await self._db.read(_SELECT_QUEUE, {"guild_id": guild_id, "limit": limit})
        return [await self._case(guild_id, preset_of(row)) for row in rows]

    async def case(self, guild_id: int, preset_id: int) -> Case:
        """Return the case of a preset. Raises NotFound where it is not in this server's moderation."""
        row = await self._db.read_one(_SELECT_CASE, {"guild_id": guild_id, "id": preset_id})
        if row is None:
            raise NotFound(SETTLED)
        return await self._case(guild_id, preset_of(row))

    async def _case(self, guild_id: int, preset: Preset) -> Case:
        about = {"guild_id": guild_id, "id": preset.id, "owner_id": preset.owner_id}
        rows = await self._db.read(_SELECT_REASONS, about)
        state = await self._db.read_one(_SELECT_MODERATION_STATE, about)
        assert state is not None
        return Case(preset, [row["reason"] for row in rows], bool(state["hidden"]), bool(state["banned"]))

    async def hide(self, guild_id: int, preset_id: int, moderator_id: int, now: float) -> None:
        """Hide a preset here from everybody but its owner, and settle its reports. Raises NotFound."""
        await self._decide(_INSERT_HIDDEN, guild_id, preset_id, moderator_id, now)

    async def keep(self, guild_id: int, preset_id: int, moderator_id: int, now: float) -> None:
        """Settle the reports, and unhide the preset where it was hidden. Raises NotFound."""
        await self._decide(_DELETE_HIDDEN, guild_id, preset_id, moderator_id, now)

    async def ban(self, guild_id: int, preset_id: int, moderator_id: int, now: float) -> None:
        """Ban the preset's author from sharing here, hide their presets, and settle reports on them."""
        await self._decide(_INSERT_BAN, guild_id, preset_id, moderator_id, now)

    async def unban(self, guild_id: int, preset_id: int, moderator_id: int, now: float) -> None:
        """Lift the ban on the preset's author. Raises NotFound."""
        await self._decide(_DELETE_BAN, guild_id, preset_id, moderator_id, now)

    async def _decide(self, sql: str, guild_id: int, preset_id: int, moderator_id: int, now: float) -> None:
        decided = {"id": preset_id, "guild_id": guild_id, "moderator_id": moderator_id, "now": now}
        async with self._db.write() as tx:
            if await one(tx, _SELECT_IN_MODERATION, decided) is None:
                raise NotFound(SETTLED)
            await tx.execute(sql, decided)
            await tx.execute(
                _SETTLE_REPORTS_OF_AUTHOR if sql is _INSERT_BAN else _SETTLE_REPORTS_OF_PRESET, decided
            )


_SELECT_OWNER_IF_VISIBLE = f"SELECT p.owner_id FROM presets AS p WHERE p.id = :id AND {VISIBLE}"
_COUNT_OPEN_REPORTS = """
SELECT count(*) AS n FROM preset_reports
WHERE reporter_id = :user_id AND guild_id = :queue AND settled_at IS NULL
"""
_INSERT_REPORT = f"""
INSERT INTO preset_reports (preset_id, guild_id, reporter_id, reason, reported_at)
SELECT p.id, :queue, :user_id, :reason, :now FROM presets AS p
WHERE p.id = :id AND p.owner_id <> :user_id AND {VISIBLE}
    AND (SELECT count(*) FROM preset_reports
         WHERE reporter_id = :user_id AND guild_id = :queue AND settled_at IS NULL) < :most
ON CONFLICT DO NOTHING
RETURNING id
"""
_IN_QUEUE = "(r.guild_id = :guild_id OR :guild_id = 0)"
_OPEN_REPORTS = f"""
(SELECT count(*) FROM preset_reports AS r WHERE r.preset_id = p.id AND r.settled_at IS NULL AND {_IN_QUEUE})
"""
_IN_MODERATION = f"""
p.deleted_at IS NULL AND (
    EXISTS (SELECT 1 FROM preset_reports AS r
            WHERE r.preset_id = p.id AND r.settled_at IS NULL AND {_IN_QUEUE})
    OR EXISTS (SELECT 1 FROM preset_hidden AS h WHERE h.preset_id = p.id AND h.guild_id = :guild_id)
    OR EXISTS (SELECT 1 FROM preset_bans AS b JOIN preset_reports AS r ON r.preset_id = p.id
               WHERE b.user_id = p.owner_id AND b.guild_id = :guild_id AND {_IN_QUEUE})
)
"""
_SELECT_IN_MODERATION = f"SELECT 1 FROM presets AS p WHERE p.id = :id AND {_IN_MODERATION}"
_SELECT_QUEUE = f"{NEWEST} AND {_IN_MODERATION} ORDER BY {_OPEN_REPORTS} DESC, p.id LIMIT :limit"
_SELECT_CASE = f"{NEWEST} AND p.id = :id AND {_IN_MODERATION}"
_SELECT_REASONS = f"""
SELECT reason FROM preset_reports AS r
WHERE r.preset_id = :id AND r.settled_at IS NULL AND {_IN_QUEUE} ORDER BY r.id
"""
_SELECT_MODERATION_STATE = """
SELECT EXISTS (SELECT 1 FROM preset_hidden WHERE preset_id = :id AND guild_id = :guild_id) AS hidden,
    EXISTS (SELECT 1 FROM preset_bans WHERE user_id = :owner_id AND guild_id = :guild_id) AS banned
"""
_INSERT_HIDDEN = """
INSERT INTO preset_hidden (preset_id, guild_id, hidden_by, hidden_at)
VALUES (:id, :guild_id, :moderator_id, :now) ON CONFLICT DO NOTHING
"""
_DELETE_HIDDEN = "DELETE FROM preset_hidden WHERE preset_id = :id AND guild_id = :guild_id"
_INSERT_BAN = """
INSERT INTO preset_bans (user_id, guild_id, banned_by, banned_at)
SELECT owner_id, :guild_id, :moderator_id, :now FROM presets WHERE id = :id AND owner_id <> 0
ON CONFLICT DO NOTHING
"""
_DELETE_BAN = """
DELETE FROM preset_bans
WHERE user_id = (SELECT owner_id FROM presets WHERE id = :id) AND guild_id = :guild_id
"""
_SETTLE_REPORTS_OF_PRESET = """
UPDATE preset_reports SET settled_at = :now, settled_by = :moderator_id
WHERE preset_id = :id AND settled_at IS NULL AND (guild_id = :guild_id OR :guild_id = 0)
"""
_SETTLE_REPORTS_OF_AUTHOR = """
UPDATE preset_reports SET settled_at = :now, settled_by = :moderator_id
WHERE settled_at IS NULL AND (guild_id = :guild_id OR :guild_id = 0)
    AND preset_id IN (SELECT id FROM presets WHERE owner_id = (SELECT owner_id FROM presets WHERE id = :id))
"""
