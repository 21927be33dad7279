"""Deletions of clips by members, and the effects of deletions in Discord on jobs, clips and duels."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from bot.duels.service import DuelService
from bot.errors import NotFound, StoreError
from bot.jobs.service import JobService
from bot.store.deletions import Deletion, Deletions, Press
from bot.store.removals import Removals, Removed

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 5.0
REMEMBERED_SECONDS = 300.0
MAX_REMEMBERED = 10_000
"""How often, for how long, and how many deleted messages of no known use are compared with what was recorded
since: a message can be deleted before the answer to its sending is back and recorded."""

MAX_PRESSES = 1_000
"""Presses of Delete that are remembered until they are confirmed; the oldest ones are forgotten."""


class DeletionService:
    """Decides deletions of clips and says when there are some to carry out."""

    def __init__(self, deletions: Deletions, clock: Callable[[], float]) -> None:
        self._deletions = deletions
        self._clock = clock
        self._listeners: list[Callable[[], None]] = []
        self._presses: OrderedDict[tuple[int, int], Press] = OrderedDict()

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Have `listener` called when a deletion was decided; it must not block."""
        self._listeners.append(listener)

    async def begin(self, clip_id: int, press: Press | None = None) -> None:
        """Record that a clip is to be deleted. Raises NotFound where its deletion is recorded already.

        press: where a button under the clip's own message asked for it.
        """
        if not await self._deletions.begin(clip_id, self._clock(), press):
            raise NotFound("This clip is already deleted.")
        self.wake()

    def wake(self) -> None:
        """Say that there are deletions to carry out."""
        for listener in self._listeners:
            listener()

    def asked(self, user_id: int, clip_id: int, press: Press) -> None:
        """Remember the press under a clip's message until its member says that they mean it.

        In memory: after a restart the message is deleted with the bot's own token, where the bot may.
        """
        self._presses[user_id, clip_id] = press
        self._presses.move_to_end((user_id, clip_id))
        while len(self._presses) > MAX_PRESSES:
            self._presses.popitem(last=False)

    async def confirmed(self, user_id: int, clip_id: int) -> None:
        """Record the deletion that a member was asked about. Raises NotFound as `begin` does."""
        await self.begin(clip_id, self._presses.pop((user_id, clip_id), None))

    async def pending(self) -> list[Deletion]:
        """Return the unfinished deletions, oldest first."""
        return await self._deletions.pending()

    async def finished(self, deletion: Deletion) -> None:
        """Record that a deletion's message and files are gone."""
        await self._deletions.finished(deletion)


class RemovalService:
    """Applies deletions of messages, channels, threads and servers. `clock` is this machine's."""

    def __init__(
        self, removals: Removals, jobs: JobService, duels: DuelService, clock: Callable[[], float]
    ) -> None:
        self._removals = removals
        self._jobs = jobs
        self._duels = duels
        self._clock = clock
        self._unknown: OrderedDict[int, float] = OrderedDict()
        self._some_unknown = asyncio.Event()

    async def messages(self, message_ids: Iterable[int]) -> None:
        """Apply the deletion of messages, by anybody or by this program."""
        deleted = list(message_ids)
        known = await self._removals.known(deleted)
        # The known ones too: a message first shows a job's progress, and may carry its clip a moment later.
        for message_id in deleted:
            self._unknown[message_id] = time.monotonic() + REMEMBERED_SECONDS
        while len(self._unknown) > MAX_REMEMBERED:
            self._unknown.popitem(last=False)
        self._some_unknown.set()
        if known:
            await self._apply(known)

    async def run(self) -> None:
        """Compare deleted messages with message ids recorded afterwards, until cancelled."""
        while True:
            await self._some_unknown.wait()
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            try:
                if late := await self._removals.known(self._unknown):
                    await self._apply(late)
            except StoreError:
                log.exception("deleted messages could not be looked up; they are again in a while")
            now = time.monotonic()
            self._unknown = OrderedDict((key, until) for key, until in self._unknown.items() if until > now)
            if not self._unknown:
                self._some_unknown.clear()

    async def _apply(self, message_ids: list[int]) -> None:
        await self._after(await self._removals.messages(message_ids, self._clock()), "deleted messages")

    async def channel(self, channel_id: int) -> None:
        """Apply the deletion of a channel or a thread."""
        await self._after(await self._removals.channel(channel_id, self._clock()), f"channel {channel_id}")

    async def guild(self, guild_id: int) -> None:
        """Apply the bot's removal from a server."""
        await self._after(await self._removals.guild(guild_id, self._clock()), f"server {guild_id}")

    async def thread_locked(self, thread_id: int) -> None:
        """Close the duels of a thread that was archived and locked, where no vote is possible any more."""
        await self._duels.close_in_channel(thread_id)

    async def _after(self, removed: Removed, what: str) -> None:
        if not (removed.job_ids or removed.duel_ids):
            return
        log.info("%s: cancelled jobs %s, ended duels %s", what, removed.job_ids, removed.duel_ids)
        self._duels.remove_neutral(*removed.duel_ids)
        await self._jobs.cancelled(*removed.job_ids)
