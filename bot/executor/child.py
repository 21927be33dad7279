"""The bot's end of the pipe: one worker process, watched and restarted when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
import sys
import time
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Self, cast

from bot.config import Settings
from bot.engines.base import Engines
from bot.engines.configured import configured_models
from bot.executor.link import Died, restarted
from bot.executor.protocol import (
    Cancel,
    Down,
    Failed,
    Fatal,
    Render,
    Rendered,
    Start,
    Up,
    decode_up,
    encode,
)
from bot.executor.watchdog import Watchdog
from bot.log import worker_line
from bot.recipe import ModelRef
from bot.redact import redact

log = logging.getLogger(__name__)

_LINE_LIMIT = 1 << 20
_STDERR_TAIL_LINES = 15
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


class ChildExecutor:
    """Runs a worker as a child process and yields its messages.

    stall_seconds: the longest silence while a job renders or is mastered; load_seconds: while a model loads.
    A worker that is silent for longer is killed and reported as Died, like one that exits on its own.
    environment: variables for the worker alone, such as HF_TOKEN.  number: the worker's, in the log.
    The pipe is read whether or not the events are consumed, so a bot that waits for its disk neither blocks
    the worker nor counts it as silent.
    """

    def __init__(
        self,
        start: Start,
        *,
        stall_seconds: float,
        load_seconds: float,
        environment: Mapping[str, str],
        number: int = 0,
    ) -> None:
        self._start = start
        self._stall_seconds = stall_seconds
        self._load_seconds = load_seconds
        self._environment = environment
        self._number = number
        self._ids: dict[int, Mapping[str, int]] = {}
        """Those of the jobs that the worker has, or else had last, for lines of its stderr that name none."""
        self._over: set[int] = set()
        self._process: asyncio.subprocess.Process | None = None
        self._sent = 0
        self._watchdog = self._new_watchdog()
        self._reason = ""
        self._closing = asyncio.Event()

    @classmethod
    def configured(
        cls,
        settings: Settings,
        engines: str,
        *,
        warm: ModelRef | None,
        device: str | None = None,
        threads: int = 0,
        number: int = 0,
    ) -> Self:
        """Return the worker that the settings describe, with the model `warm` loaded ahead.

        device: in place of the settings' own.  threads: the CPU threads that it computes with, 0 for the
        libraries' default.  number: the worker's, in the log.
        """
        limits = dict.fromkeys(_THREADS, str(threads)) if threads else {}
        return cls(
            start_message(settings, engines, warm, device),
            stall_seconds=settings.stall_seconds,
            load_seconds=settings.load_seconds,
            environment=worker_environment(settings) | limits,
            number=number,
        )

    @property
    def pid(self) -> int | None:
        """The worker's process id while one lives."""
        return self._process.pid if self._process else None

    @property
    def sent(self) -> int:
        """The number of Renders sent to this worker process; a Ready that acked fewer is out of date."""
        return self._sent

    def events(self) -> AsyncGenerator[Up | Died, None]:
        """Start a worker and yield its messages; after Died, start the next. Ends after close()."""
        return restarted(self.run_process, self._closing)

    async def render(self, render: Render) -> None:
        """Send the worker a job. If the worker is dying, Died follows, after which the job is requeued."""
        self._sent += 1
        self._watchdog.assigned(render.job_id)
        for job_id in self._over:
            self._ids.pop(job_id, None)
        self._over.clear()
        self._ids[render.job_id] = render.ids
        await self._send(render)

    async def cancel(self, job_id: int) -> None:
        """Tell the worker to drop a job."""
        self._watchdog.released(job_id)
        self._over.add(job_id)
        await self._send(Cancel(job_id))

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

    async def run_process(self) -> AsyncGenerator[Up | Died, None]:
        """Start one worker process and yield its messages until it ends."""
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot.executor.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
            env={**_environment(), **self._environment},
        )
        self._sent = 0
        self._ids.clear()
        self._over.clear()
        self._watchdog = self._new_watchdog()
        self._reason = ""
        stderr_tail: deque[str] = deque(maxlen=_STDERR_TAIL_LINES)
        received: asyncio.Queue[Up | None] = asyncio.Queue()
        logging_ = asyncio.create_task(self._log_stderr(process, stderr_tail))
        reading = asyncio.create_task(self._read(process, received))
        watching = asyncio.create_task(self._watch(process))
        try:
            await self._send(self._start)
            while (event := await received.get()) is not None:
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
            end = "\n".join(stderr_tail) or "(none)"
            log.error("%s The end of its stderr:\n%s", reason, end, extra=self._line_ids())
            yield Died(reason)

    async def _read(self, process: asyncio.subprocess.Process, received: asyncio.Queue[Up | None]) -> None:
        """Queue the worker's messages, then None at the end of the stream or at a line that is no message."""
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                # From here a worker's error message reaches embeds, exports and the database.
                event = decode_up(redact(line.decode(errors="replace")).encode())
                self._watchdog.received(event)
                if isinstance(event, Rendered | Failed):
                    # What it printed before may be read after this.
                    self._over.add(event.job_id)
                if isinstance(event, Fatal):
                    self._reason = event.message
                else:
                    received.put_nowait(event)
        finally:
            received.put_nowait(None)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Kill the worker when it has work and is silent for longer than its phase's limit."""
        interval = min(1.0, self._stall_seconds / 4, self._load_seconds / 4)
        before = time.monotonic()
        while True:
            await asyncio.sleep(interval)
            now = time.monotonic()
            # While the bot itself stood still, for example on a suspended machine, it received nothing.
            silence = self._watchdog.stalled(min(now - before, 2 * interval))
            before = now
            if silence is not None:
                self._reason = f"The worker made no progress for {silence} and was stopped."
                _kill(process)
                return

    async def _log_stderr(self, process: asyncio.subprocess.Process, stderr_tail: deque[str]) -> None:
        assert process.stderr is not None
        while True:
            try:
                raw = await process.stderr.readline()
            except ValueError:
                continue  # a line over the limit is a progress bar
            if not raw:
                return
            level, text, ids = worker_line(raw.decode(errors="replace").rstrip())
            stderr_tail.append(text)
            of_jobs = {"worker": self._number} if "job_id" in ids else self._line_ids()
            log.log(level, "worker: %s", text, extra=of_jobs | ids)

    def _line_ids(self) -> dict[str, Any]:
        """Return the worker's number, and the ids of its job, or the numbers of its jobs."""
        having = {number: ids for number, ids in self._ids.items() if number not in self._over}
        jobs = list((having or self._ids).items())
        if len(jobs) == 1:
            return {"worker": self._number, **jobs[0][1]}
        return {"worker": self._number} | ({"job_ids": [number for number, _ in jobs]} if jobs else {})

    async def _send(self, message: Down) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return
        # A broken pipe means that the worker died; the end of its stdout reports that.
        with contextlib.suppress(ConnectionError):
            process.stdin.write(encode(message))
            await process.stdin.drain()


def start_message(
    settings: Settings, engines: str, warm: ModelRef | None, device: str | None = None
) -> Start:
    """Return the first message to a worker; device: in place of the settings' own."""
    return Start(
        engines=engines,
        models=configured_models(settings, cast(Engines, importlib.import_module(engines))),
        warm=warm,
        device=device or settings.device,
        dtype=settings.dtype,
        memory_gb=settings.model_memory_gb,
    )


def worker_environment(settings: Settings) -> dict[str, str]:
    """Return the environment variables for workers alone."""
    token = {"HF_TOKEN": settings.hf_token.get_secret_value()} if settings.hf_token else {}
    style = {"LOG_LEVEL": settings.log_level, "LOG_FORMAT": settings.log_format}
    return token | style | settings.exported


def _environment() -> dict[str, str]:
    """Return the bot's environment without its token, and with malloc settings that keep freed memory.

    By default glibc returns every large free block to the kernel and faults it in again. High values of
    M_MMAP_THRESHOLD and M_TRIM_THRESHOLD (mallopt(3)) keep it, which speeds up convolutions on a CPU.
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
