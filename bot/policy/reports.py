"""Reported clips: what members report, and what moderators decide."""

from __future__ import annotations

from collections.abc import Callable

from bot.store.clip_reports import ClipCase, ClipReports
from bot.store.database import Database


class ClipModeration:
    """The moderators' queue of reported clips of each server."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._reports = ClipReports(database)
        self._clock = clock

    async def report(self, guild_id: int, clip_id: int, reporter_id: int, reason: str) -> None:
        """Report a clip. Raises UserError, LimitReached or NotFound as `ClipReports.report` does."""
        await self._reports.report(guild_id, clip_id, reporter_id, reason, self._clock())

    async def queue(self, guild_id: int, limit: int) -> list[ClipCase]:
        """Return a server's clips with open reports, most reports first."""
        return await self._reports.queue(guild_id, limit)

    async def case(self, guild_id: int, clip_id: int) -> ClipCase:
        """Return one case. Raises NotFound where it is settled."""
        return await self._reports.case(guild_id, clip_id)

    async def settle(self, case: ClipCase, moderator_id: int) -> None:
        """Close the open reports of a clip."""
        await self._reports.settle(case.guild_id, case.clip_id, moderator_id, self._clock())
