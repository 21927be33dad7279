"""The sandbox with the bot in it, as `antiphon sandbox` starts it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sqlite3
import sys
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from bot.errors import SetupError
from bot.local import DEMO, LocalDiscord, run_sandbox
from sandbox import defaults
from sandbox.actors import text_of
from sandbox.model import Message
from sandbox.resolve import ActionError
from sandbox.server import Sandbox
from sandbox.snowflake import timestamp
from tests.e2e.bot_process import ROOT, default_interrupt
from tests.e2e.clips import button_ids, eventually, private

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

    @property
    def address(self) -> str:
        """The page's address, as it was said."""
        found = re.search(r"http://127\.0\.0\.1:\d+/\S+/", "\n".join(self.lines))
        assert found is not None, self.lines
        return found[0]

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
        address = sandbox.address
        async with aiohttp.ClientSession() as session, session.get(address) as page:
            assert page.status == 200
            assert "<title>" in await page.text()
        await eventually(lambda: len(sandbox.delivered()) == 2, "a clip in each mode")
        assert sandbox.delivered() == [mode.value for mode, _, _ in DEMO]
    async with Started(tmp_path) as again:
        assert again.address == address
        async with aiohttp.ClientSession() as session:
            await eventually(lambda: again.task.done() or again.delivered(), "the database")
            async with session.get(address) as page:
                assert page.status == 200
        assert again.delivered() == [mode.value for mode, _, _ in DEMO]


async def test_where_the_port_is_taken_meanwhile_another_is(tmp_path: Path) -> None:
    async with Sandbox(tmp_path / "discord.sqlite3") as first:
        address = urlsplit(first.page_url)
    with socket.create_server(("127.0.0.1", address.port or 0)):
        async with Sandbox(tmp_path / "discord.sqlite3") as second:
            moved = urlsplit(second.page_url)
    assert moved.port != address.port
    assert moved.path == address.path


async def test_votes_count_in_a_sandbox_whose_accounts_are_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Sandbox] = []

    def kept(history: Path, port: int) -> AbstractAsyncContextManager[LocalDiscord]:
        opened.append(Sandbox(history, port=port))
        return opened[0]

    monkeypatch.setattr(defaults, "ACCOUNT_AGE", 0.0)
    async with Sandbox(tmp_path / "discord.sqlite3"):
        pass
    running = run_sandbox(
        kept, ActionError, tmp_path, 0, open_page=False, program=PROGRAM, say=lambda _: None
    )
    task = asyncio.create_task(running)
    try:
        await eventually(lambda: task.done() or (opened and "duel" in commands(opened[0])), "the commands")
        [sandbox] = opened
        alice = sandbox.member("alice")
        assert timestamp(alice.id) > sandbox.clock.now() - 3600
        await alice.slash("duel start", prompt="calm jazz", seconds=2)

        def duel() -> Message | None:
            shown = [one for one in sandbox.channel("music").messages if "duel:a:1" in button_ids(one)]
            return shown[0] if shown else None

        await eventually(duel, "the duel")
        message = duel()
        assert message is not None
        sandbox.clock.advance(60)
        vote = await private(await alice.click(message, "A"))
        assert "Your vote: **A**. Thank you!" in text_of(vote)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def commands(sandbox: Sandbox) -> set[str]:
    return set(sandbox.member("alice").commands())


async def test_it_says_what_the_address_is_for_how_to_stop_and_where_the_data_lie(tmp_path: Path) -> None:
    async with Started(tmp_path) as sandbox:
        said = "\n".join(sandbox.lines)
    assert f"Open in a browser   {sandbox.address}" in said
    assert "Ctrl-C" in said
    assert str(tmp_path) in said


async def test_the_page_is_told_that_the_bot_starts_and_that_it_is_there(tmp_path: Path) -> None:
    async with Started(tmp_path) as sandbox, aiohttp.ClientSession() as session:
        origin = sandbox.address.split("/", 3)[:3]
        headers = {"Origin": "/".join(origin)}
        async with session.ws_connect(sandbox.address + "socket", headers=headers) as socket:
            bot = (await socket.receive_json(timeout=60))["bot"]
            assert bot | {"id": ""} == {"id": "", "online": False, "process": True}
            while not bot["online"]:
                told = await socket.receive_json(timeout=60)
                if told["type"] == "bot":
                    bot = told
            assert bot == {"type": "bot", "online": True, "process": True}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes another way")
async def test_ctrl_c_in_a_terminal_ends_it_without_a_traceback(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "sandbox", "--no-open"),
        cwd=tmp_path,
        env={
            name: value
            for name, value in os.environ.items()
            if name not in ("DISCORD_TOKEN", "DATABASE_PATH")
        }
        | {"PYTHONPATH": str(ROOT), "CLIP_DIR": str(tmp_path / "elsewhere")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        # A terminal's Ctrl-C reaches the whole group of processes.
        start_new_session=True,
        preexec_fn=default_interrupt,
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(90):
            while not lines or "is online in 1 server" not in lines[-1]:
                lines.append((await process.stdout.readline()).decode().rstrip())
            os.killpg(process.pid, signal.SIGINT)
            lines += (await process.stdout.read()).decode().splitlines()
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert not any("Traceback" in line or "ERROR" in line for line in lines), lines
    assert any(line.startswith("CLIP_DIR is for the clips of your own server.") for line in lines), lines


async def test_over_ssh_it_says_how_to_forward_the_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22")
    async with Started(tmp_path) as sandbox:
        port = urlsplit(sandbox.address).port
        assert f"ssh -L {port}:127.0.0.1:{port} " in "\n".join(sandbox.lines)


async def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=f"Port {port} cannot be used .* --port"):
            await run_sandbox(
                open_sandbox, ActionError, tmp_path, port, open_page=False, program=PROGRAM, say=print
            )
