"""What the page's tests share: one browser, one window, one sandbox with a plain bot."""

from __future__ import annotations

import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import imageio_ffmpeg
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.server import Sandbox
from tests.browser import find_browser, launched
from tests.requirements import absent
from tests.sandbox.chat import Chat, open_chat
from tests.sandbox.program import Program


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = find_browser()
    if path is None:
        absent("browser", "There is no Chromium here to show the page in.")
    async with launched(path) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def with_bot(browser: Browser) -> AsyncIterator[Sandbox]:
    # A clock that stands still: however slow the machine, nothing is given up before a test says so.
    async with Sandbox(clock=Clock(paused_at=time.time()), limits=Limits.none()) as sandbox:
        guild = str(sandbox.channel("music").channel.guild_id)
        async with Program(sandbox, GUILD_ID=guild):
            await sandbox.until(lambda: "local" in sandbox.member("bob").commands(), 20, "the commands")
            yield sandbox


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def window(browser: Browser, with_bot: Sandbox) -> AsyncIterator[Chat]:
    async with open_chat(browser, with_bot.page_url) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="session")
async def chat(window: Chat, with_bot: Sandbox) -> AsyncIterator[Chat]:
    """The page, loaded afresh, as alice in #music."""
    await window.page.evaluate("sessionStorage.clear()")
    await window.open(with_bot.page_url)
    yield window
    broken, window.broken = window.broken, []
    assert broken == []


@pytest.fixture(scope="session")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of a real MP3."""
    path = tmp_path_factory.mktemp("audio") / "song.mp3"
    tone = ["-f", "lavfi", "-i", "sine=frequency=220:duration=6"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *tone, str(path)]
    subprocess.run(command, check=True, timeout=30)
    return path
