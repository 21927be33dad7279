"""The process that fits and draws leaderboards, as the bot sees it: started at first use, then kept warm."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.arena.results import SeriesView
from bot.arena.votes import Arm
from bot.coach.recommend import Recommendation
from bot.errors import AntiphonError
from bot.policy.day import Day
from bot.recipe import Mode

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 60.0
"""Limit for one leaderboard, including the imports of the first one."""

_LINE_LIMIT = 8 << 20

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""One BLAS thread: the matrices are small, and more threads would compete with the bot and the models."""


class LeaderboardFailed(AntiphonError):
    """A leaderboard could not be drawn; the message holds the traceback of the process."""


@dataclass(frozen=True, slots=True)
class RenderedLeaderboard:
    """A leaderboard: a PNG, the same as text, and for the moderators the summary of excluded votes.

    beside: what the PNG has no room for. It and the summary may be empty.
    """

    picture: bytes
    text: str
    beside: str
    exclusions: str


class LeaderboardProcess:
    """Requests one leaderboard at a time; a process that died or exceeds the limit is replaced."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    async def draw(
        self, *, guild_id: int | None, title: str, group: str | None, built_in: bool, now: float
    ) -> RenderedLeaderboard:
        """Return the leaderboard of one server, or of all.

        group: "ranking", "tag", "models", "who asked" or "length"; None takes the
        ranking where there is one, else the tags.  built_in: whether the votes on models that ship with
        the program count, or those on others; never both.  now: Unix time. Raises LeaderboardFailed.
        """
        request = {"guild_id": guild_id, "title": title, "group": group, "built_in": built_in, "now": now}
        response = await self._respond(request)
        return RenderedLeaderboard(
            base64.b64decode(response["picture"]),
            response["text"],
            response["beside"],
            response["exclusions"],
        )

    async def choose(
        self,
        arms: Sequence[Arm],
        *,
        tags: Sequence[str],
        seconds: float,
        advice: Recommendation,
        seed: int,
        guild_id: int | None,
        built_in: bool,
    ) -> tuple[Arm, str]:
        """Return the arm for a prompt with these tags, drawn as in bot.arena.auto, and why.

        guild_id, built_in: whose votes, and on which models, as for `draw`. Raises LeaderboardFailed.
        """
        response = await self._respond(
            {
                "arms": [[arm.mode, arm.model] for arm in arms],
                "tags": list(tags),
                "seconds": seconds,
                "advice": [advice.mode, max(0.0, advice.confidence), advice.reason],
                "seed": seed,
                "guild_id": guild_id,
                "built_in": built_in,
            }
        )
        mode, model = response["arm"]
        return Arm(Mode(mode), model), response["reason"]

    async def pair(self, wins: Sequence[Sequence[int]], seed: int) -> SeriesView:
        """Return what the votes of a series say, and the pair to meet next, as in bot.arena.next_pair.

        wins: the votes of a row over a column, of two contenders or more. Raises LeaderboardFailed.
        """
        response = await self._respond({"wins": [list(row) for row in wins], "seed": seed})
        first, second = response["pair"]
        return SeriesView(tuple(response["best"]), (first, second))

    async def draw_day(self, day: Day) -> bytes:
        """Return the picture of the last day as a PNG. Raises LeaderboardFailed."""
        response = await self._respond({"day": day.to_dict()})
        return base64.b64decode(response["picture"])

    async def _respond(self, request: dict[str, Any]) -> dict[str, Any]:
        async with self._lock:
            try:
                response = await asyncio.wait_for(self._request(request), TIMEOUT_SECONDS)
            except BaseException:
                # A late response would be taken for that to the next request.
                await self.close()
                raise
        if "error" in response:
            raise LeaderboardFailed(f"the process could not answer:\n{response['error']}")
        return response

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def _request(self, request: dict[str, Any]) -> dict[str, Any]:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request).encode() + b"\n")
        await process.stdin.drain()
        line = await process.stdout.readline()
        if not line:
            raise LeaderboardFailed("the process that draws leaderboards ended")
        response: dict[str, Any] = json.loads(line)
        return response

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
