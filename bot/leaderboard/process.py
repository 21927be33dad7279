"""Leaderboards, fitted and drawn in a process of its own that stays warm once it was needed."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import AntiphonError

log = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds for one leaderboard, the first one's imports among them."""

_LINE_LIMIT = 8 << 20

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""The sums are small: more threads would only take the processor from the bot and the models."""


class BoardFailed(AntiphonError):
    """A leaderboard could not be drawn; the log says why."""


@dataclass(frozen=True, slots=True)
class Board:
    """A leaderboard: a PNG, the same in words, and what moderators are told of votes that do not count."""

    picture: bytes
    text: str
    exclusions: str


class Boards:
    """Asks the process for one leaderboard at a time; one that died or hangs is replaced."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._process: asyncio.subprocess.Process | None = None
        self._asking = asyncio.Lock()

    async def draw(
        self, *, guild_id: int | None, title: str, group: str, built_in: bool, now: float
    ) -> Board:
        """Return the leaderboard of one server, or of all.

        group: "tag", "models", "who asked" or "length".  built_in: of the models that ship with the
        program, or of the others, never of both.  now: Unix time.
        """
        asked = {"guild_id": guild_id, "title": title, "group": group, "built_in": built_in, "now": now}
        async with self._asking:
            try:
                answer = await asyncio.wait_for(self._ask(asked), PATIENCE)
            except BaseException:
                # What it would still say is the answer to this question, not to the next.
                await self.close()
                raise
        if "error" in answer:
            raise BoardFailed(f"the leaderboard was not drawn:\n{answer['error']}")
        return Board(base64.b64decode(answer["picture"]), answer["text"], answer["exclusions"])

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(asked).encode() + b"\n")
        await process.stdin.drain()
        line = await process.stdout.readline()
        if not line:
            raise BoardFailed("the process that draws leaderboards ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot.leaderboard.worker",
            str(self._database),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_LIMIT,
            env={name: value for name, value in os.environ.items() if name.upper() != "DISCORD_TOKEN"}
            | ONE_THREAD,
        )
