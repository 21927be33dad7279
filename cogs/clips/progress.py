"""The progress board: queue position, time left and progress of clips that are not done.

Its edits are optional. Each job is edited by a task of its own, so that a slow edit of one never holds up the
bar of another; distant queue positions are edited rarely; and after a ban by Discord's proxy none is sent for
a while. A job's first edit is also the probe for the server's AutoMod, before a GPU is spent on the job.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from io import BytesIO

import discord

from bot.app import Antiphon
from bot.errors import BLOCKED_WORDS, NotFound, StoreError
from bot.jobs.estimates import QueuePosition
from bot.jobs.service import Advanced, Moved
from bot.locale import set_language, tr
from bot.log import bind, job_fields
from bot.store.job_model import Job, State
from cogs.clips.buttons import job_buttons
from cogs.clips.takes import takes_cancel_buttons
from cogs.clips.takes_card import open_takes
from cogs.clips.takes_progress import takes_text
from cogs.delivery.original_response import OriginalResponses
from cogs.delivery.refusals import SLOWED, Refused, Remedy
from cogs.delivery.respondable import Draft, language_of
from cogs.ui.text import bar, in_a_line, rendering_line

log = logging.getLogger(__name__)

Positions = Mapping[int, QueuePosition]
"""The turn of each open job."""

RUNNING_SECONDS = 3.0
"""Between two edits of one running job: five edits in five seconds is Discord's limit an answer."""
QUEUED_SECONDS = 15.0
DISTANT_SECONDS = 60.0
LATE_SECONDS = 15.0
"""Between two edits of one running job with the bot's own token, whose limit is shared by a channel."""
SLOWED_SECONDS = 300.0
"""After a refusal that concerns one message, such as 30046."""
MAX_DETAILED = 10
"""Queue positions shown exactly; later ones are rounded up to tens."""
_OF_THE_TEXT = (Remedy.RETRY, Remedy.WITHOUT_WORDS, Remedy.WITHDRAWN)
"""Refusals of an edit that have nothing to do with the preview in it."""
PREVIEW_NAME = "preview.mp3"
MAX_QUEUED_EDITS = 4
"""Edits of queued jobs that are under way at once; running jobs do not wait for them."""
MAX_DEFERRED_SECONDS = 0.5
"""The longest that the edit of a queued job waits for commands that are not acknowledged yet."""


@dataclass(slots=True)
class Progress:
    """A job's progress, and when and how it was last shown (monotonic seconds).

    previewed: whether its first seconds are shown.
    answer: the job whose answer shows it, the first one of several takes; 0 while that is not known.
    """

    running: bool = False
    retried: bool = False
    phase: str = ""
    fraction: float = 0.0
    interval: float = QUEUED_SECONDS
    edited_at: float = float("-inf")
    text: str = ""
    previewed: bool = False
    answer: int = 0
    editing: bool = False

    @property
    def due_at(self) -> float:
        """When the next edit is due, on the monotonic clock."""
        return self.edited_at + self.interval


class Breaker:
    """Stops optional edits after a 429 without `Via`, which is a ban by the proxy of the whole address.

    Requests during a ban prolong it: Discord counts 10,000 refused requests in 10 minutes.
    Source: Discord's documentation, “Invalid Request Limit”.
    """

    MIN_SECONDS = 60.0

    def __init__(self) -> None:
        self._open_until = float("-inf")

    @property
    def seconds_left(self) -> float:
        """For how long nothing optional is to be sent."""
        return max(self._open_until - time.monotonic(), 0.0)

    def note(self, error: BaseException | None) -> None:
        """Look at an error that a request raised."""
        if not isinstance(error, discord.HTTPException) or error.status != 429:
            return
        headers = error.response.headers
        if headers.get("Via"):
            return
        with contextlib.suppress(ValueError):
            seconds = max(float(headers.get("Retry-After") or 0), self.MIN_SECONDS)
            self._open_until = time.monotonic() + seconds
            log.warning("Discord's proxy refuses this address; no progress is shown for %.0f s", seconds)


class Board:
    """Keeps the answers of open jobs up to date. `run` works until it is cancelled."""

    def __init__(self, bot: Antiphon, responses: OriginalResponses) -> None:
        self._bot = bot
        self._responses = responses
        self._jobs: dict[int, Progress] = {}
        self._gate = asyncio.Semaphore(MAX_QUEUED_EDITS)
        self._breaker = Breaker()
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def on_progress(self, event: Moved | Advanced) -> None:
        """Update the board after an event of a job."""
        if isinstance(event, Advanced):
            if progress := self._jobs.get(event.job_id):
                progress.phase, progress.fraction = event.phase, event.fraction
        elif event.state in (State.QUEUED, State.RUNNING):
            running = event.state is State.RUNNING
            progress = self._jobs.setdefault(event.job_id, Progress())
            if running != progress.running:
                # A change of state is shown at once; a first edit is due by itself.
                progress.edited_at = float("-inf")
            progress.running, progress.phase, progress.fraction = running, "", 0.0
            progress.retried = progress.retried or event.retry
            self._changed.set()
        else:
            self._jobs.pop(event.job_id, None)

    async def run(self) -> None:
        """Edit the answers that are due, until cancelled."""
        for job_id, position in (await self._bot.jobs.queue_positions()).items():
            self._jobs.setdefault(job_id, Progress(running=position.number == 0))
        try:
            while True:
                await self._edit_due()
                await self._wait()
        finally:
            for task in self._tasks:
                task.cancel()

    async def _edit_due(self) -> None:
        now = time.monotonic()
        due = [job_id for job_id, one in self._jobs.items() if one.due_at <= now and not one.editing]
        if not due or self._breaker.seconds_left:
            return
        positions = await self._bot.jobs.queue_positions()
        for job_id in due:
            progress, position = self._jobs.get(job_id), positions.get(job_id)
            if progress is None:
                continue
            progress.edited_at = now
            if position is not None:
                progress.editing = True
                task = asyncio.create_task(self._edit(job_id, progress, positions), name=f"progress-{job_id}")
                self._tasks.add(task)
                task.add_done_callback(self._edited)

    async def _wait(self) -> None:
        """Return when the next edit is due, or something happened that may change when that is."""
        due_at = min((one.due_at for one in self._jobs.values() if not one.editing), default=None)
        seconds = None if due_at is None else max(due_at - time.monotonic(), self._breaker.seconds_left)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)
        self._changed.clear()

    def _edited(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._changed.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("%s broke", task.get_name(), exc_info=error)

    async def _edit(self, job_id: int, progress: Progress, positions: Positions) -> None:
        queued = positions[job_id].number > 0
        gate = self._gate if queued else contextlib.nullcontext()
        try:
            if not progress.answer:
                progress.answer = (await self._bot.history.job(job_id)).takes_of or job_id
            async with gate, self._responses.lock(progress.answer):
                if queued:
                    await self._bot.unacknowledged.none_left(MAX_DEFERRED_SECONDS)
                await self._show(job_id, progress, positions)
        except Refused as refused:
            await self._on_refusal(job_id, progress, refused)
        except StoreError as error:
            log.info("progress of job %d was not shown: %s", job_id, error)
        finally:
            progress.editing = False

    async def _show(self, job_id: int, progress: Progress, positions: Positions) -> None:
        job = await self._bot.history.job(job_id)
        bind(**job_fields(job))
        if job.in_duel:
            # Its progress would be that of one side.
            self._jobs.pop(job_id, None)
            return
        set_language(language_of(self._bot, job))
        position = positions[job_id]
        progress.interval = _interval(job, position)
        if job.state not in (State.QUEUED, State.RUNNING):
            return
        if job.takes_of is not None:
            await self._show_takes(job, progress, positions)
            return
        preview = self._bot.jobs.previews.take(job)
        progress.previewed = progress.previewed or preview is not None
        text = _text(job, progress, position)
        if text == progress.text and preview is None:
            return
        files = None if preview is None else partial(_preview_files, preview)
        draft = Draft(text, view=job_buttons(job_id), files=files)
        try:
            await self._responses.edit(job, draft)
        except Refused as refused:
            if preview is None:
                raise
            progress.previewed = False
            if refused.remedy in _OF_THE_TEXT:
                raise
            # The next edit, without it, tells whether the text is refused as well.
            log.info("the preview of job %d was not shown: %s", job_id, refused)
        else:
            progress.text = text

    async def _show_takes(self, job: Job, progress: Progress, positions: Positions) -> None:
        """Show the takes of a request in one answer, which is edited in the turn of the first open one."""
        takes = await self._bot.history.takes(progress.answer)
        if next((one.id for one in open_takes(takes)), None) != job.id:
            progress.text = ""
            return
        fractions = {one.id: self._jobs[one.id].fraction for one in takes if one.id in self._jobs}
        text = takes_text(takes, positions, fractions)
        if text != progress.text:
            await self._responses.edit(takes[0], Draft(text, view=takes_cancel_buttons(takes)))
            progress.text = text

    async def _on_refusal(self, job_id: int, progress: Progress, refused: Refused) -> None:
        log.info("progress of job %d was not shown: %s", job_id, refused)
        self._breaker.note(refused.__cause__)
        takes = await self._bot.history.takes(progress.answer)
        job_ids = [job.id for job in open_takes(takes)] if takes else [job_id]
        match refused.remedy:
            case Remedy.WITHOUT_WORDS:
                for one in job_ids:
                    await self._bot.jobs.refuse(one, BLOCKED_WORDS)
            case Remedy.WITHDRAWN:
                # The answer was deleted, so the request is withdrawn: cancel without a notice.
                for one in job_ids:
                    with contextlib.suppress(NotFound):
                        await self._bot.jobs.cancel(one)
            case Remedy.RETRY:
                if refused.refusal is SLOWED:
                    progress.interval = SLOWED_SECONDS
            case _:
                self._jobs.pop(job_id, None)


def _interval(job: Job, position: QueuePosition) -> float:
    if position.number == 0:
        return RUNNING_SECONDS if job.interaction_token is not None else LATE_SECONDS
    near = position.number <= MAX_DETAILED and job.interaction_token is not None
    return QUEUED_SECONDS if near else DISTANT_SECONDS


def _text(job: Job, progress: Progress, position: QueuePosition) -> str:
    line = in_a_line(job.recipe)
    if position.number > MAX_DETAILED:
        tens = -(-position.number // 10) * 10
        among = tr(
            "Among the first {tens} of {waiting} in line, ready in {time}.",
            tens=tens,
            waiting=position.waiting,
            time=position.spoken,
        )
        return f"{line}\n{among}"
    if position.number > 0:
        retried = tr("The worker had to start again; your clip kept its place.") if progress.retried else ""
        turn = tr("Next in line, ready in {time}.", time=position.spoken)
        if position.waiting > 1:
            turn = tr(
                "Place {number} of {waiting}, ready in {time}.",
                number=position.number,
                waiting=position.waiting,
                time=position.spoken,
            )
        return "\n".join((line, " ".join(filter(None, (retried, turn)))))
    match progress.phase:
        case "loading":
            done = tr("Loading the model …")
        case "mastering":
            done = f"{bar(1.0)} {tr('Mastering …')}"
        case _:
            done = rendering_line(progress.fraction, position.spoken)
    lines = [line, done]
    if progress.previewed:
        lines.append(f"-# {tr('Here are the first seconds. The whole clip takes their place.')}")
    return "\n".join(lines)


def _preview_files(preview: bytes) -> list[discord.File]:
    return [discord.File(BytesIO(preview), filename=PREVIEW_NAME)]
