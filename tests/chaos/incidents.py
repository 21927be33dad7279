"""Faults of the machine, the gateway and the models. Each is seen to strike, and is over when it returns.

Evidence of a strike is what the fault leaves behind: a line of the log, the error of a job, a time in the
database, or the number of sockets.
"""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from functools import partial

from sandbox.faults import Fault
from tests.chaos.windows import busy
from tests.chaos.world import Chaos, NotReachedError, Request

Incident = Callable[[Chaos], Awaitable[None]]
LOCK_SECONDS = 7.0
"""Longer than the bot's connections wait for a lock (busy_timeout, 5 s)."""


async def gateway_dropped(chaos: Chaos) -> None:
    """The sockets break without a close frame while a clip renders."""
    await _gateway(chaos, chaos.sandbox.faults.drop_sockets)


async def gateway_reconnected(chaos: Chaos) -> None:
    """Discord asks every client to reconnect and resume."""
    await _gateway(chaos, chaos.sandbox.faults.reconnect)


async def gateway_invalidated(chaos: Chaos) -> None:
    """Discord declares every session invalid, so that the bot identifies anew."""
    await _gateway(chaos, chaos.sandbox.faults.invalidate_sessions)


async def database_locked(chaos: Chaos) -> None:
    """Another program holds the database's lock for longer than the bot waits for it."""
    await busy(chaos)
    first = len(chaos.bot.lines)
    with closing(sqlite3.connect(chaos.bot.folder / "antiphon.db", isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        chaos.bot.let_through(chaos.workers)
        await asyncio.sleep(LOCK_SECONDS)
        lock.execute("ROLLBACK")
    await _logged(chaos, first, "could not be recorded", "the locked database")


async def disk_full(chaos: Chaos) -> None:
    """No file of the bot and of its workers on this machine can grow: writes fail, as on a full disk."""
    await busy(chaos)
    first = len(chaos.bot.lines)
    try:
        _limit_files(chaos, 1)
        chaos.bot.let_through(chaos.workers)
        await _logged(chaos, first, "could not be recorded", "the full disk")
    finally:
        # Processes that were started meanwhile have inherited the limit.
        _limit_files(chaos, resource.RLIM_INFINITY)


async def clock_ahead(chaos: Chaos) -> None:
    """The clock of the bot's machine goes two hours ahead for a while."""
    await _clock(chaos, 7200)


async def clock_behind(chaos: Chaos) -> None:
    """The clock of the bot's machine goes two hours back for a while."""
    await _clock(chaos, -7200)


async def model_returns_nan(chaos: Chaos) -> None:
    """A model returns samples that are no numbers."""
    await _fails(chaos, "nan", "NaN or infinity")


async def model_out_of_memory(chaos: Chaos) -> None:
    """A model runs out of memory, again when it is alone."""
    await _fails(chaos, "ravenous", "not enough memory")


async def model_hangs(chaos: Chaos) -> None:
    """A model says nothing more, so its worker is killed, twice."""
    await _fails(chaos, "stuck", "no progress")


async def model_breaks_its_device(chaos: Chaos) -> None:
    """A model leaves the accelerator unusable, so its worker ends itself, twice."""
    await _fails(chaos, "fault", "accelerator stopped")


async def model_ends_its_process(chaos: Chaos) -> None:
    """A model takes its process down, twice."""
    await _fails(chaos, "crash", "signal 9")


async def _gateway(chaos: Chaos, strike: Callable[[], Fault]) -> None:
    await chaos.sandbox.ready()
    await busy(chaos)
    fault = strike()
    if not fault.struck:
        raise NotReachedError(f"a socket for {fault}")
    chaos.bot.let_through(chaos.workers)
    # The socket is lost at once; the bot notices it later.
    await asyncio.sleep(0.5)
    await chaos.sandbox.ready()


async def _clock(chaos: Chaos, seconds: float) -> None:
    right = time.time() + chaos.bot.clock_offset
    chaos.bot.turn_clock(seconds)
    try:
        request = await chaos.ask()
        await chaos.until(lambda: chaos.state_of(request) == "delivered", "a clip under the wrong clock")
    finally:
        chaos.bot.turn_clock(-seconds)
    like = f'%{request.word}"%'
    [(created,)] = chaos.query("SELECT created_at FROM jobs WHERE recipe LIKE ?", like)
    off = created - right
    if abs(off - seconds) > 600:
        raise NotReachedError(f"a job {seconds:g} s off by the wrong clock; it is {off:.0f} s off")


async def _fails(chaos: Chaos, word: str, reason: str) -> None:
    request = await chaos.ask(word)
    await chaos.until(partial(_over, chaos, request), f"the end of “{word}”")
    like = f'%{request.word}"%'
    [(error,)] = chaos.query("SELECT error FROM jobs WHERE recipe LIKE ?", like)
    if not any(part in (error or "") for part in reason.split("|")):
        raise NotReachedError(f"“{reason}” as the reason; it is {error!r}")


def _over(chaos: Chaos, request: Request) -> bool:
    return chaos.state_of(request) in ("failed", "delivered")


def _limit_files(chaos: Chaos, size: int) -> None:
    """Let no file of the bot's processes grow beyond `size` bytes; their hard limits stay as they are."""
    for pid in chaos.pids():
        with suppress(ProcessLookupError):
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size if hard < 0 else min(size, hard), hard))


async def _logged(chaos: Chaos, first: int, words: str, what: str) -> None:
    await chaos.until(lambda: any(words in line for line in chaos.bot.lines[first:]), what)


INCIDENTS: tuple[Incident, ...] = (
    gateway_dropped,
    gateway_reconnected,
    gateway_invalidated,
    database_locked,
    disk_full,
    clock_ahead,
    clock_behind,
    model_returns_nan,
    model_out_of_memory,
    model_hangs,
    model_breaks_its_device,
    model_ends_its_process,
)
