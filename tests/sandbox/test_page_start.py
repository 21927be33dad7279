"""The first minute on the page: what it says before the bot is there, and where one begins."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from sandbox.limits import Limits
from sandbox.server import Sandbox
from tests.sandbox.chat import open_chat

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_bot_that_starts_is_not_called_offline(browser: Browser) -> None:
    async with Sandbox(limits=Limits.none()) as sandbox:
        sandbox.bot_process(runs=True)
        async with open_chat(browser, sandbox.page_url) as chat:
            notice = chat.page.locator(".notice")
            await expect(notice).to_have_text("Antiphon is starting…")
            sandbox.bot_process(runs=False)
            await expect(notice).to_contain_text("Antiphon is offline and cannot answer yet.")


async def test_an_open_page_finds_the_sandbox_again_when_it_is_started_anew(
    browser: Browser, tmp_path: Path
) -> None:
    history = tmp_path / "history.sqlite3"
    async with Sandbox(history, limits=Limits.none()) as first:
        url = first.page_url
        profile = await browser.new_context()
        page = await profile.new_page()
        await page.goto(url)
        await expect(page.locator("body.ready")).to_be_attached()
    await expect(page.locator(".notice")).to_contain_text("The sandbox has stopped.")
    async with Sandbox(history, limits=Limits.none()) as second:
        assert second.page_url == url
        await second.member("bob").send("back again")
        await expect(page.locator(".message").last).to_contain_text("back again")
        await profile.close()
