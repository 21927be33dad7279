"""What a member sees while a clip is waited for: place, time left, and how far the rendering is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

import discord

from bot.app import Antiphon
from bot.jobs.eta import spoken
from bot.jobs.service import Advanced, Moved, Place
from bot.store.jobs import Job, State
from cogs.delivery.original_response import ORIGINAL_GONE, Originals
from cogs.delivery.refusals import NETWORK_ERRORS
from cogs.ui.buttons import job_buttons
from cogs.ui.text import bar, in_a_line

log = logging.getLogger(__name__)

RUNNING_EVERY = 3.0
"""Seconds between two edits of one running job: five edits in five seconds is Discord's limit an answer."""
QUEUED_EVERY = 15.0
_AT_ONCE = 8


@dataclass(slots=True)
class Shown:
    """What the member was last told, and when."""

    running: bool = False
    again: bool = False
    phase: str = ""
    fraction: float = 0.0
    edited_at: float = float("-inf")
    text: str = ""

    @property
    def due_at(self) -> float:
        """When the next edit is due, on the monotonic clock."""
        return self.edited_at + (RUNNING_EVERY if self.running else QUEUED_EVERY)


class Board:
    """Keeps the answers of open jobs up to date. `run` works until it is cancelled."""

    def __init__(self, bot: Antiphon, originals: Originals) -> None:
        self._bot = bot
        self._originals = originals
        self._shown: dict[int, Shown] = {}
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._moved = asyncio.Event()

    def heard(self, event: Moved | Advanced) -> None:
        """Take note of what happened to a job."""
        if isinstance(event, Advanced):
            if shown := self._shown.get(event.job_id):
                shown.phase, shown.fraction = event.phase, event.fraction
        elif event.state in (State.QUEUED, State.RUNNING):
            running = event.state is State.RUNNING
            shown = self._shown.setdefault(event.job_id, Shown())
            if running != shown.running:
                # A change of state is shown at once; a first edit is due by itself.
                shown.edited_at = float("-inf")
            shown.running, shown.phase, shown.fraction = running, "", 0.0
            shown.again = shown.again or event.retry
            self._moved.set()
        else:
            self._shown.pop(event.job_id, None)

    async def run(self) -> None:
        """Edit what is due."""
        for job_id, place in (await self._bot.service.places()).items():
            self._shown.setdefault(job_id, Shown(running=place.number == 0))
        while True:
            now = time.monotonic()
            due = [job_id for job_id, shown in self._shown.items() if shown.due_at <= now]
            if due:
                places = await self._bot.service.places()
                await asyncio.gather(*(self._show(job_id, places) for job_id in due))
            else:
                await self._wait(min((shown.due_at for shown in self._shown.values()), default=None))

    async def _wait(self, until: float | None) -> None:
        """Return when the next edit is due, or something happened that may change when that is."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._moved.wait(), None if until is None else until - time.monotonic())
        self._moved.clear()

    async def _show(self, job_id: int, places: Mapping[int, Place]) -> None:
        shown, place = self._shown.get(job_id), places.get(job_id)
        if shown is None:
            return
        shown.edited_at = time.monotonic()
        if place is None:
            return
        async with self._gate, self._originals.lock(job_id):
            job = await self._bot.jobs.get(job_id)
            if job.in_duel:
                # Its progress would be that of one side.
                self._shown.pop(job_id, None)
                return
            text = _text(job, shown, place)
            if job.state not in (State.QUEUED, State.RUNNING) or text == shown.text:
                return
            if not self._originals.alive(job):
                self._shown.pop(job_id, None)
                return
            try:
                message = await self._originals.edit(job, content=text, view=job_buttons(job_id))
            except discord.HTTPException as error:
                if error.code in ORIGINAL_GONE:
                    self._shown.pop(job_id, None)
                log.info("progress of job %d was not shown: %s", job_id, error)
                return
            except NETWORK_ERRORS as error:
                log.info("progress of job %d was not shown: %s", job_id, error)
                return
            if not shown.text:
                await self._bot.jobs.answered(job_id, message.id)
            shown.text = text


def _text(job: Job, shown: Shown, place: Place) -> str:
    line = in_a_line(job.recipe)
    if place.number > 0:
        again = "The worker had to start again; your clip kept its place. " if shown.again else ""
        turn = f"Place {place.number} of {place.waiting}" if place.waiting > 1 else "Next in line"
        return f"{line}\n{again}{turn}, ready in {spoken(place.seconds)}."
    match shown.phase:
        case "loading":
            return f"{line}\nLoading the model …"
        case "mastering":
            return f"{line}\n{bar(1.0)} Mastering …"
        case _:
            return f"{line}\n{bar(shown.fraction)} {shown.fraction:.0%}, {spoken(place.seconds)} left."
