"""The bot's end of the pipe: one worker process, started, watched, and started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Self

from bot.config import Settings
from bot.executor.protocol import (
    Cancel,
    Down,
    Fatal,
    Render,
    Rendered,
    Start,
    Up,
    decode_up,
    encode,
)
from bot.executor.watchdog import Watchdog
from bot.recipe import Mode
from bot.redact import redact

log = logging.getLogger(__name__)

_LINE_LIMIT = 1 << 20
_LAST_WORDS = 15
_BACKOFF_SECONDS = (0.0, 1.0, 5.0, 15.0, 60.0)


@dataclass(frozen=True, slots=True)
class Died:
    """The worker is gone, with every job it had; a fresh one is on its way. `reason` is for all to read."""

    reason: str


class ChildExecutor:
    """Runs the worker as a child process and turns what it says into events.

    stall_seconds: longest silence while a job renders or is mastered; load_seconds: while a model loads.
    secrets: environment variables that only the worker gets, such as HF_TOKEN.
    A worker that is silent for longer is killed, and reported as Died like one that ended by itself. Its
    output is read as it comes, whether or not the events are taken, so a bot that is held up neither blocks
    the worker nor takes it for silent.
    """

    def __init__(
        self, start: Start, *, stall_seconds: float, load_seconds: float, secrets: Mapping[str, str]
    ) -> None:
        self._start = start
        self._stall_seconds = stall_seconds
        self._load_seconds = load_seconds
        self._secrets = secrets
        self._process: asyncio.subprocess.Process | None = None
        self._sent = 0
        self._watchdog = self._new_watchdog()
        self._reason = ""
        self._closing = asyncio.Event()

    @classmethod
    def configured(cls, settings: Settings, engines: str, *, warm: Mode | None) -> Self:
        """Return the executor that the settings describe, with the model of mode `warm` loaded ahead."""
        return cls(
            Start(
                engines=engines,
                models={mode.value: model for mode, model in settings.models.items()},
                warm=warm,
                device=settings.device,
                dtype=settings.dtype,
            ),
            stall_seconds=settings.stall_seconds,
            load_seconds=settings.load_seconds,
            secrets={"HF_TOKEN": settings.hf_token.get_secret_value()} if settings.hf_token else {},
        )

    @property
    def pid(self) -> int | None:
        """The worker's process id while one lives."""
        return self._process.pid if self._process else None

    @property
    def sent(self) -> int:
        """How many Renders this worker was given; a Ready that has seen fewer is out of date."""
        return self._sent

    async def events(self) -> AsyncGenerator[Up | Died, None]:
        """Start a worker and yield what it says; after Died, start the next. Ends after close()."""
        failures = 0
        while not self._closing.is_set():
            began = time.monotonic()
            async with aclosing(self._life()) as life:
                async for event in life:
                    if isinstance(event, Rendered):
                        failures = 0
                    yield event
            if self._closing.is_set():
                return
            if time.monotonic() - began > _BACKOFF_SECONDS[-1]:
                failures = 0
            pause = _BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._closing.wait()
            failures += 1

    async def render(self, render: Render) -> None:
        """Give the worker a job. If it is dying, Died follows, and the job is asked for again then."""
        self._sent += 1
        self._watchdog.given(render.job_id)
        await self._say(render)

    async def cancel(self, job_id: int) -> None:
        """Have the worker drop a job."""
        self._watchdog.ended(job_id)
        await self._say(Cancel(job_id))

    async def close(self, patience: float = 5.0) -> None:
        """Close the pipe, which ends the worker, and kill it if that takes over `patience` seconds."""
        self._closing.set()
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), patience)
        except TimeoutError:
            _kill(process)
            await process.wait()

    def _new_watchdog(self) -> Watchdog:
        return Watchdog(stall_seconds=self._stall_seconds, load_seconds=self._load_seconds)

    async def _life(self) -> AsyncGenerator[Up | Died, None]:
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot.executor.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
            env={**_environment(), **self._secrets},
        )
        self._sent = 0
        self._watchdog = self._new_watchdog()
        self._reason = ""
        last_words: deque[str] = deque(maxlen=_LAST_WORDS)
        said: asyncio.Queue[Up | None] = asyncio.Queue()
        logging_ = asyncio.create_task(_log_stderr(process, last_words))
        reading = asyncio.create_task(self._read(process, said))
        watching = asyncio.create_task(self._watch(process))
        try:
            await self._say(self._start)
            while (event := await said.get()) is not None:
                yield event
            await reading
            code = await process.wait()
            await logging_
        finally:
            self._process = None
            for task in (logging_, reading, watching):
                task.cancel()
            if process.returncode is None:
                _kill(process)
                await process.wait()
        if not self._closing.is_set():
            reason = self._reason or f"The worker process ended ({_ending(code)})."
            log.error("%s Its last words:\n%s", reason, "\n".join(last_words) or "(none)")
            yield Died(reason)

    async def _read(self, process: asyncio.subprocess.Process, said: asyncio.Queue[Up | None]) -> None:
        """Queue what the worker says, and None after its end or after a line that is no message."""
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                # A worker's error reaches cards, exports and the database from here.
                event = decode_up(redact(line.decode(errors="replace")).encode())
                self._watchdog.heard(event)
                if isinstance(event, Fatal):
                    self._reason = event.message
                else:
                    said.put_nowait(event)
        finally:
            said.put_nowait(None)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Kill the worker when it has work and says nothing for its phase's limit."""
        interval = min(1.0, self._stall_seconds / 4, self._load_seconds / 4)
        before = time.monotonic()
        while True:
            await asyncio.sleep(interval)
            now = time.monotonic()
            # While the bot itself stood still, on a suspended machine for example, it heard nothing either.
            silence = self._watchdog.stalled(min(now - before, 2 * interval))
            before = now
            if silence is not None:
                self._reason = f"The worker made no progress for {silence} and was ended."
                _kill(process)
                return

    async def _say(self, message: Down) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return
        # A broken pipe is the worker's death, which its stdout tells.
        with contextlib.suppress(ConnectionError):
            process.stdin.write(encode(message))
            await process.stdin.drain()


async def _log_stderr(process: asyncio.subprocess.Process, last_words: deque[str]) -> None:
    assert process.stderr is not None
    while True:
        try:
            raw = await process.stderr.readline()
        except ValueError:
            continue  # a line over the limit: a progress bar, which nobody needs
        if not raw:
            return
        line = raw.decode(errors="replace").rstrip()
        last_words.append(line)
        log.info("worker: %s", line)


def _environment() -> dict[str, str]:
    """Return the bot's environment without its token, and with memory that is given back late.

    glibc hands every large free block back to the kernel and faults it in again; the M_MMAP_THRESHOLD and
    M_TRIM_THRESHOLD of mallopt(3), set high, keep it, which convolutions on a CPU feel most.
    """
    hidden = {"DISCORD_TOKEN"}
    return {
        "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
        "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
        "MALLOC_TOP_PAD_": str(64 << 20),
        "PYTHONUNBUFFERED": "1",
        # torch computes on the CPU what Apple's GPU has no kernel for, in place of an error.
        "PYTORCH_ENABLE_MPS_FALLBACK": "1",
        **{name: value for name, value in os.environ.items() if name.upper() not in hidden},
    }


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
