"""The outbox of jobs: rendered clips, failures and cancellations, one task each, and the progress board."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.app import Antiphon
from bot.errors import ConfigError
from bot.jobs.service import Advanced, Moved
from bot.log import bind, job_fields
from bot.store.job_model import Job, State
from cogs.clips.buttons import BUTTONS
from cogs.clips.delivery import ClipDelivery
from cogs.clips.files import ITEMS as FILES
from cogs.clips.gestures import FORMS, ITEMS
from cogs.clips.more import ITEMS as MORE
from cogs.clips.notices import JobNotices
from cogs.clips.progress import Board
from cogs.clips.takes import ITEMS as TAKES
from cogs.delivery.original_response import OriginalResponses
from cogs.delivery.post_once import PostOnce
from cogs.delivery.refusals import TOKEN_REVOKED, Refused
from cogs.ui.persistent_cog import PersistentCog

log = logging.getLogger(__name__)

MAX_AT_ONCE = 32
"""Items under way at once, those that wait for a retry included."""
LOOK_AGAIN_SECONDS = 30.0


class Delivery(PersistentCog):
    """Empties the outbox and keeps the progress board."""

    items = (*BUTTONS, *FILES, *ITEMS, *MORE, *TAKES)
    forms = FORMS

    def __init__(self, bot: Antiphon) -> None:
        super().__init__(bot)
        responses, posts = OriginalResponses(bot, bot.outbox), PostOnce(bot)
        self._clips = ClipDelivery(bot, responses, posts)
        self._notices = JobNotices(bot, responses, posts)
        self._board = Board(bot, responses)
        self._wake = asyncio.Event()
        self._gate = asyncio.Semaphore(MAX_AT_ONCE)
        self._tasks: dict[tuple[int, State], asyncio.Task[None]] = {}
        self._loops: list[asyncio.Task[None]] = []

    async def cog_load(self) -> None:
        """Start with the items that an earlier run left in the outbox."""
        await super().cog_load()
        self.bot.jobs.subscribe(self._on_progress)
        self._wake.set()
        self._loops = [
            asyncio.create_task(self._keep_going(self._empty_outbox), name="outbox"),
            asyncio.create_task(self._keep_going(self._board.run), name="progress"),
        ]

    async def cog_unload(self) -> None:
        """Stop. Items in flight are sent again by the next start, which recognises those that arrived."""
        tasks = [*self._loops, *self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await super().cog_unload()

    def _on_progress(self, event: Moved | Advanced) -> None:
        self._board.on_progress(event)
        if isinstance(event, Moved) and event.state in (State.RENDERED, State.FAILED, State.CANCELLED):
            self._wake.set()

    async def _keep_going(self, loop: Callable[[], Awaitable[None]]) -> None:
        await self.bot.wait_until_ready()
        while True:
            try:
                await loop()
            except Exception:
                log.exception("a loop of the outbox broke and goes on")
                await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def _empty_outbox(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            for job in await self.bot.outbox.pending():
                key = (job.id, job.state)
                if key not in self._tasks:
                    task = asyncio.create_task(self._send(job), name=f"{job.state} job {job.id}")
                    self._tasks[key] = task
                    task.add_done_callback(self._ended)

    async def _send(self, job: Job) -> None:
        async with self._gate:
            bind(**job_fields(job))
            try:
                if job.state is State.RENDERED:
                    await self._clips.deliver(job.id)
                else:
                    await self._notices.notify(job.id)
            except Refused as refused:
                log.error("job %d: %s", job.id, refused)
                self.bot.stop(ConfigError(TOKEN_REVOKED))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks = {key: one for key, one in self._tasks.items() if one is not task}
        if task.cancelled():
            return
        if error := task.exception():
            log.error("%s broke and is tried again in a while", task.get_name(), exc_info=error)
            asyncio.get_running_loop().call_later(LOOK_AGAIN_SECONDS, self._wake.set)


async def setup(bot: Antiphon) -> None:
    """Add the cog."""
    await bot.add_cog(Delivery(bot))
