"""Export and erasure of what is kept of a member; erasure by age, and of servers that the bot left."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from bot.duels.service import DuelService
from bot.errors import StoreError
from bot.jobs.janitor import Janitor
from bot.jobs.service import JobService
from bot.removals import DeletionService
from bot.store.erasure import Erasure

log = logging.getLogger(__name__)

DAY = 24 * 3600.0
LOOK_AGAIN_SECONDS = 3600.0
REQUESTED_SECONDS = 2.0
"""How often the requests of the command line are looked at: the owner of the bot waits there."""
RETRY_SECONDS = 60.0


class PrivacyService:
    """Export and erasure while the bot runs. `clock` gives Unix time in seconds."""

    def __init__(
        self,
        erasure: Erasure,
        jobs: JobService,
        duels: DuelService,
        deletions: DeletionService,
        janitor: Janitor,
        clock: Callable[[], float],
    ) -> None:
        self._erasure = erasure
        self._jobs = jobs
        self._duels = duels
        self._deletions = deletions
        self._janitor = janitor
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Carry out what the command line requests from now on, and what it requested before."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="requested erasures")

    async def close(self) -> None:
        """Stop; what is requested meanwhile is carried out at the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def count(self, user_id: int) -> dict[str, int]:
        """Return how many things of each kind are a member's, by its name in the singular."""
        return await self._erasure.count(user_id)

    async def export(self, user_id: int) -> bytes:
        """Return everything that is kept of a member as JSON in UTF-8."""
        return await export(self._erasure, user_id, self._clock())

    async def erase(self, user_id: int) -> None:
        """Erase a member: rows, files, open jobs and duels; messages follow in the background.

        Raises StoreError where the database does not take it; then nothing is changed.
        """
        removed = await self._erasure.erase_member(user_id, self._clock())
        log.info("erased a member: cancelled jobs %s, ended duels %s", removed.job_ids, removed.duel_ids)
        self._duels.remove_neutral(*removed.duel_ids)
        await self._jobs.cancelled(*removed.job_ids)
        await self._janitor.remove_unrecorded()
        self._deletions.wake()

    async def _run(self) -> None:
        while True:
            seconds = REQUESTED_SECONDS
            try:
                for user_id in await self._erasure.requested():
                    await self.erase(user_id)
            except (StoreError, OSError):
                log.exception("a member could not be erased; it is tried again in %d s", RETRY_SECONDS)
                seconds = RETRY_SECONDS
            await asyncio.sleep(seconds)


class Retention:
    """Erases rows older than `days` (0: none), and the data of servers that the bot left."""

    def __init__(self, erasure: Erasure, janitor: Janitor, days: float, clock: Callable[[], float]) -> None:
        self._erasure = erasure
        self._janitor = janitor
        self._days = days
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look now, and every hour from then on."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="retention")

    async def close(self) -> None:
        """Stop; the next start looks at once."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def guild_left(self, guild_id: int) -> None:
        """Record that the bot was removed from a server, whose own data goes in 30 days."""
        await self._erasure.guild_left(guild_id, self._clock())

    async def guild_joined(self, guild_id: int) -> None:
        """Record that the bot is in a server, perhaps again: its data stays."""
        await self._erasure.guild_joined(guild_id)

    async def guilds_present(self, guild_ids: Iterable[int]) -> None:
        """Record all servers that the bot is in; others that have data of their own have been left."""
        await self._erasure.guilds_present(list(guild_ids), self._clock())

    async def erase_due(self) -> None:
        """Erase what is due now."""
        now = self._clock()
        if guilds := await self._erasure.erase_left_guilds(now):
            log.info("erased the data of %d servers that the bot left 30 days ago", len(guilds))
        if self._days and (erased := await self._erasure.erase_older(now - self._days * DAY, now)):
            await self._janitor.remove_unrecorded()
            log.info("erased %d rows older than RETENTION_DAYS", erased)

    async def _run(self) -> None:
        while True:
            try:
                await self.erase_due()
            except (StoreError, OSError):
                log.exception("what is too old could not be erased; it is tried again in an hour")
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def export(erasure: Erasure, user_id: int, now: float) -> bytes:
    """Return everything that is kept of a member as JSON in UTF-8. now: Unix time of the export."""
    tables = await erasure.export(user_id)
    about = {
        "about": "Everything that this bot keeps about one member. docs/privacy.md explains the tables.",
        "user_id": str(user_id),
        "exported_at": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
        "tables": tables,
    }
    # Ids of Discord are beyond what a number in JavaScript holds exactly.
    return json.dumps(_ids_as_text(about), ensure_ascii=False, indent=1).encode()


def _ids_as_text(value: object) -> object:
    if isinstance(value, dict):
        return {key: _ids_as_text(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_ids_as_text(one) for one in value]
    return str(value) if isinstance(value, int) and abs(value) > 2**53 else value
