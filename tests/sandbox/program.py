"""Runs the plain bot as a program of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Self

from sandbox.server import Sandbox

ROOT = Path(__file__).parents[2]


class Program:
    """The bot's process; `lines` is what it printed."""

    def __init__(self, sandbox: Sandbox, **environment: str) -> None:
        self.sandbox = sandbox
        self.environment = environment
        self.lines: list[str] = []

    async def __aenter__(self) -> Self:
        environment = os.environ | {
            "DISCORD_API_URL": self.sandbox.api_url,
            "DISCORD_TOKEN": self.sandbox.bot_token,
        }
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "tests.sandbox.plain_bot",
            cwd=ROOT,
            env=environment | self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._printed = asyncio.Event()
        self._reader = asyncio.create_task(self._read())
        try:
            await self.sandbox.ready()
        except TimeoutError:
            await self.__aexit__()
            raise AssertionError("The bot did not come online:\n" + "\n".join(self.lines)) from None
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._reader

    async def printed(self, words: str, since: int = 0) -> None:
        """Return once a line has these words."""
        async with asyncio.timeout(60):
            while not any(words in line for line in self.lines[since:]):
                self._printed.clear()
                await self._printed.wait()

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode().rstrip())
            self._printed.set()
