"""The sandbox with the bot in it, as `antiphon sandbox` starts it."""

from __future__ import annotations

import asyncio
import re
import socket
import sqlite3
import sys
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path

import aiohttp
import pytest

from bot.errors import SetupError
from bot.local import LocalDiscord, run_sandbox
from sandbox.resolve import ActionError
from sandbox.server import Sandbox
from tests.e2e.clips import eventually

PROGRAM = [sys.executable, "-m", "tests.program", "run"]


def open_sandbox(history: Path, port: int) -> AbstractAsyncContextManager[LocalDiscord]:
    return Sandbox(history, port=port)


class Started:
    """A running `antiphon sandbox`; `lines` is what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []

    async def __aenter__(self) -> Started:
        running = run_sandbox(
            open_sandbox, ActionError, self.folder, 0, open_page=False, program=PROGRAM, say=self.lines.append
        )
        self.task = asyncio.create_task(running)
        await eventually(lambda: self.lines or self.task.done(), "the page's address")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def delivered(self) -> list[str]:
        """Return the modes of the clips that were delivered."""
        path = self.folder / "antiphon.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path)) as connection:
            try:
                rows = connection.execute(
                    "SELECT mode FROM jobs WHERE state = 'delivered' ORDER BY id"
                ).fetchall()
            except sqlite3.OperationalError:
                return []  # not migrated yet
        return [mode for (mode,) in rows]


async def test_the_first_start_opens_on_music_and_a_later_one_as_it_was_left(tmp_path: Path) -> None:
    async with Started(tmp_path) as sandbox:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\S+/", sandbox.lines[0])
        async with aiohttp.ClientSession() as session, session.get(sandbox.lines[0]) as page:
            assert page.status == 200
            assert "<title>" in await page.text()
        await eventually(lambda: len(sandbox.delivered()) == 2, "a clip in each mode")
        assert sandbox.delivered() == ["ar", "diffusion"]
    async with Started(tmp_path) as again:
        address = again.lines[0]
        async with aiohttp.ClientSession() as session:
            await eventually(lambda: again.task.done() or again.delivered(), "the database")
            async with session.get(address) as page:
                assert page.status == 200
        assert again.delivered() == ["ar", "diffusion"]


async def test_over_ssh_it_says_how_to_forward_the_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22")
    async with Started(tmp_path) as sandbox:
        port = re.search(r":(\d+)/", sandbox.lines[0])
        assert port is not None
        await eventually(lambda: len(sandbox.lines) > 1, "the advice")
        assert f"ssh -L {port[1]}:127.0.0.1:{port[1]} " in sandbox.lines[1]


async def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=f"Port {port} cannot be used .* --port"):
            await run_sandbox(
                open_sandbox, ActionError, tmp_path, port, open_page=False, program=PROGRAM, say=print
            )
