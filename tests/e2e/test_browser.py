"""A person in a browser and the real bot: ask, listen, be another member, restart, press an old button."""

from __future__ import annotations

import asyncio
from pathlib import Path

from playwright.async_api import Locator, expect

from sandbox.limits import Limits
from sandbox.server import Sandbox
from sandbox.spec import Spec
from tests.browser import find_browser, launched
from tests.e2e.bot_process import BotProcess
from tests.requirements import absent
from tests.sandbox.chat import open_chat

PATIENCE = 90_000
"""Milliseconds; far more than anything takes."""


async def test_from_the_command_to_the_sound_and_past_a_restart(description: Spec, tmp_path: Path) -> None:
    path = find_browser()
    if path is None:
        absent("browser", "There is no Chromium here to show the page in.")
    history = tmp_path / "discord.sqlite3"
    async with launched(path) as browser:
        async with (
            Sandbox(history, limits=Limits.none(), spec=description) as sandbox,
            BotProcess(sandbox, tmp_path),
            open_chat(browser, sandbox.page_url) as chat,
        ):
            await sandbox.until(lambda: "music" in sandbox.member("alice").commands(), 30, "the commands")
            await chat.command("/music soft rain")
            message = chat.message("· seed")
            await expect(message).to_be_visible(timeout=PATIENCE)
            await expect(message).to_contain_text("ar · 10 s · seed")
            await message.get_by_role("button", name="Play").click()
            await _plays(chat.page.locator("audio").last)
            await expect(message.locator(".embed img")).to_be_visible()

            await chat.become("Bob")
            await message.get_by_role("button", name="More", exact=True).click()
            await chat.page.get_by_role("button", name="Details").click()
            await expect(chat.message("Clip 1")).to_be_visible(timeout=PATIENCE)
            await chat.become("Alice")
            await expect(chat.message("Clip 1")).to_have_count(0)

        async with (
            Sandbox(history, limits=Limits.none(), spec=description) as sandbox,
            BotProcess(sandbox, tmp_path),
            open_chat(browser, sandbox.page_url) as chat,
        ):
            old = chat.message("· seed")
            await expect(old).to_contain_text("soft rain")
            await old.get_by_role("button", name="Again").click()
            await expect(chat.page.locator(".message", has_text="· seed")).to_have_count(2, timeout=PATIENCE)


async def _plays(audio: Locator) -> None:
    """Return once the sound's position has moved on."""
    position = "element => element.currentTime"
    async with asyncio.timeout(PATIENCE / 1000):
        while await audio.evaluate(position) < 0.5:
            await asyncio.sleep(0.1)
