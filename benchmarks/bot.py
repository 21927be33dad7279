"""How quick and how small the bot's own process is, over real sockets against the sandbox.

`antiphon run` with the built-in models: start to READY, resident memory with the worker beside it, and how
fast 200 slash commands at once are acknowledged. While they are, the worker stands still with a clip that it
has begun, as one does whose GPU renders: the sandbox and the bot have a core each.

    python -m benchmarks.bot [--commands 200] [--json]
"""

from __future__ import annotations

import gc
import os
import signal
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._figures import tell
from sandbox.limits import Limits
from sandbox.model import State
from sandbox.server import Sandbox
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import ask, clip_of

MEMBERS = ("alice", "bob", "carol", "mina", "host")


class Program(BotProcess):
    """`antiphon run`, with the models and the clock that users have."""

    program = "bot"


async def measure(commands: int) -> dict[str, Any]:
    """Return every figure of one run; seconds in s, latencies in ms, memory in MB."""
    # A worker whose bot was killed may write its bytecode a little longer.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with Sandbox(limits=Limits.none()) as discord:
            limits = {"MAX_JOBS_PER_MEMBER": "1000", "MAX_QUEUE": "10000", "LOG_LEVEL": "warning"}
            # The second start, since an installed program has its bytecode after the first.
            bytecode = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(Path(folder, "bytecode"))}
            bot = Program(discord, Path(folder), **limits, **bytecode)
            async with bot:
                pass
            began = time.perf_counter()
            await bot.start()
            worker = 0
            try:
                await discord.ready()
                to_ready = time.perf_counter() - began
                members = [discord.member(name) for name in MEMBERS]
                await discord.until(lambda: "music" in members[0].commands(), 20, "the commands")
                idle = memory_mb(bot.process.pid)
                await clip_of(await ask(members[0], "a clip that loads the model", seconds=5))
                await ask(members[0], "a clip that the worker is at", seconds=60)
                worker = bot.worker_pid()
                os.kill(worker, signal.SIGSTOP)
                # A full garbage collection of this process, 20 ms long, would count as the bot's.
                gc.collect()
                gc.freeze()
                before = processor_seconds(bot.process.pid)
                latencies = await burst(discord, members, commands)
                took = processor_seconds(bot.process.pid) - before
                return {
                    "start to READY, s": round(to_ready, 2),
                    "memory at READY, MB": idle,
                    "memory after the commands, MB": memory_mb(bot.process.pid),
                    "commands at once": commands,
                    "acknowledged p50, ms": round(statistics.median(latencies), 1),
                    "acknowledged p99, ms": round(statistics.quantiles(latencies, n=100)[98], 1),
                    "processor time until then, ms a command": round(took / commands * 1000, 2),
                    "torch in the bot": "torch" in Path(f"/proc/{bot.process.pid}/maps").read_text(),
                }
            finally:
                await bot.kill()
                if worker:
                    # It goes on, and ends as its bot has.
                    os.kill(worker, signal.SIGCONT)


async def burst(discord: Sandbox, members: list[Any], commands: int) -> list[float]:
    """Send every command at once; return each one's time to its acknowledgement, in ms."""
    began: dict[int, float] = {}
    took: dict[int, float] = {}
    replies: list[Any] = []

    def changed(_: object) -> None:
        now = time.perf_counter()
        for reply in replies:
            number = reply.interaction.id
            if number not in took and reply.state is not State.SENT:
                took[number] = (now - began[number]) * 1000

    stop = discord.world.listen(changed)
    for number in range(commands):
        start = time.perf_counter()
        reply = await members[number % len(members)].slash(
            "music", {"prompt": f"tune {number}", "seconds": 5}, wait=False
        )
        began[reply.interaction.id] = start
        replies.append(reply)
    await discord.until(lambda: len(took) == commands or None, 60, "every acknowledgement")
    stop()
    assert all(reply.state is not State.FAILED for reply in replies)
    return sorted(took.values())


def memory_mb(pid: int) -> float:
    """Return a process's resident memory in MB (statm counts pages)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process in seconds, without its children's (fields 14, 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    tell(__doc__, "commands", 200, measure)
