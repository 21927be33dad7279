"""Runs the real bot as a process of its own against a sandbox, and kills it when asked."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path
from typing import Self

from sandbox.server import Sandbox
from tests import clock, gate

ROOT = Path(__file__).parents[2]


def default_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class BotProcess:
    """The bot: `lines` is its log, `folder` holds its database and clips, whatever happens to the process."""

    program = "tests.program"
    """The module that is run: the program with test engines and a clock that tests turn."""

    def __init__(self, sandbox: Sandbox, folder: Path, **environment: str) -> None:
        self.sandbox = sandbox
        self.folder = folder
        self.environment = environment
        self.lines: list[str] = []
        self.clock_offset = 0.0
        """Seconds by which the clock of the bot's machine is off."""

    async def __aenter__(self) -> Self:
        await self.start()
        await self.sandbox.ready()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def start(self) -> None:
        inherited = {k: v for k, v in os.environ.items() if k not in ("DISCORD_TOKEN", "DEFAULT_MODE")}
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self.program,
            "run",
            cwd=ROOT,
            env=inherited
            | {
                "DISCORD_API_URL": self.sandbox.api_url,
                "DISCORD_TOKEN": self.sandbox.bot_token,
                "DATABASE_PATH": str(self.folder / "antiphon.db"),
                "CLIP_DIR": str(self.folder / "clips"),
                gate.FOLDER: str(self.folder / "gate"),
                clock.FILE: str(self.folder / "clock"),
            }
            | self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # A shell starts background jobs with SIGINT ignored, which a child would inherit.
            preexec_fn=None if sys.platform == "win32" else default_interrupt,
        )
        self._printed = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def restart(self) -> None:
        """Start again after an end, and wait until it is online."""
        await self.start()
        await self.sandbox.ready()

    def let_through(self, clips: int = 1) -> None:
        """Let clips with `held` in their prompt be rendered to their end."""
        gate.open_for(self.folder / "gate", clips)

    def advance(self, seconds: float) -> None:
        """Let time pass for both sides, Discord's and the bot's, whether the bot runs or not."""
        self.turn_clock(seconds)
        self.sandbox.clock.advance(seconds)

    def turn_clock(self, seconds: float) -> None:
        """Turn the clock of the bot's machine alone: ahead of Discord's, or behind for `seconds` < 0."""
        self.clock_offset += seconds
        clock.turn(self.folder / "clock", self.clock_offset)

    async def kill(self) -> None:
        """End it as a power cut would."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._reader

    async def ended(self, seconds: float = 90) -> int:
        """Return the exit code once it ended by itself."""
        async with asyncio.timeout(seconds):
            code = await self.process.wait()
            await self._reader
            return code

    async def printed(self, pattern: str, seconds: float = 90) -> re.Match[str]:
        """Return the match once a line of the log has one."""
        async with asyncio.timeout(seconds):
            while True:
                for line in self.lines:
                    if match := re.search(pattern, line):
                        return match
                self._printed.clear()
                await self._printed.wait()

    def worker_pid(self) -> int:
        """Return the process id of the bot's worker, which it has from the start."""
        return self.child_pid(b"bot.executor.worker")

    def child_pid(self, module: bytes) -> int:
        """Return the process id of the bot's child that runs a module. Raises StopIteration for none."""
        return next(
            int(child.name) for child in self.children() if module in (child / "cmdline").read_bytes()
        )

    def children(self) -> list[Path]:
        """Return the folders in /proc of the processes that the bot has started."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return [Path("/proc", pid) for task in tasks for pid in (task / "children").read_text().split()]

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode().rstrip())
            self._printed.set()
