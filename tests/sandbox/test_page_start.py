"""The first minute on the page: what it says before the bot is there, and where one begins."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.model import Json
from sandbox.server import Sandbox
from tests.sandbox.axe import violations
from tests.sandbox.chat import Chat, open_chat
from tests.sandbox.program import Program

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_bot_that_starts_is_not_called_offline(browser: Browser) -> None:
    async with Sandbox(limits=Limits.none()) as sandbox:
        sandbox.bot_process(runs=True)
        async with open_chat(browser, sandbox.page_url) as chat:
            notice = chat.page.locator(".notice")
            await expect(notice).to_have_text("Antiphon is starting…")
            sandbox.bot_process(runs=False)
            await expect(notice).to_have_text(
                "Antiphon is offline and can't answer. Start the bot, and this line goes away."
            )


async def test_a_sandbox_that_knows_its_command_names_it(browser: Browser) -> None:
    async with Sandbox(limits=Limits.none(), welcome=WELCOME | {"start": "make run"}) as sandbox:
        page = await browser.new_page()
        await page.goto(sandbox.page_url)
        notice = page.locator(".notice")
        await expect(notice).to_contain_text("Stop the sandbox with Ctrl-C, then run make run,")
        elsewhere = page.get_by_role("navigation").get_by_role("heading", name="Elsewhere")
        await expect(elsewhere).to_contain_text("Only people who added it to their account can use it here.")
    await expect(notice).to_contain_text("Run make run in a terminal, and this page goes on where it was.")
    await page.close()


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


WELCOME: Json = {
    "title": "Hello",
    "text": "Write a mood.",
    "hint": "Type /search, then a mood",
    "starters": [
        {"label": "Find a mood", "command": "search", "options": {"mood": "calm sea"}},
        {"label": "Save one", "command": "preset save", "options": {}},
    ],
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def greeting(browser: Browser) -> AsyncIterator[Sandbox]:
    """A sandbox that greets, with a bot that is there."""
    clock = Clock(paused_at=time.time())
    async with Sandbox(clock=clock, limits=Limits.none(), welcome=WELCOME) as sandbox, Program(sandbox):
        await sandbox.until(lambda: "search" in sandbox.member("bob").commands(), 20, "the commands")
        yield sandbox


@pytest_asyncio.fixture(loop_scope="session")
async def chat(browser: Browser, greeting: Sandbox) -> AsyncIterator[Chat]:
    """Its page in a browser that was never there."""
    async with open_chat(browser, greeting.page_url) as chat:
        yield chat


def mood(chat: Chat) -> Locator:
    return chat.page.get_by_role("textbox", name="mood, required")


async def test_one_can_begin_to_type_at_once_and_is_told_what(chat: Chat) -> None:
    await expect(chat.text).to_be_focused()
    await expect(chat.text).to_have_attribute("placeholder", "Type /search, then a mood")
    await chat.page.get_by_role("navigation").get_by_role("button", name="lobby").click()
    await expect(chat.text).to_have_attribute("placeholder", "Message #lobby")


async def test_the_welcome_stays_in_sight_until_it_is_closed(chat: Chat, greeting: Sandbox) -> None:
    welcome = chat.page.get_by_role("region", name="Welcome")
    for number in range(30):
        await greeting.member("bob").send(f"line {number}")
    await expect(chat.last).to_contain_text("line 29")
    await expect(welcome).to_be_in_viewport()
    await chat.page.get_by_role("navigation").get_by_role("button", name="lobby").click()
    await expect(welcome).to_be_hidden()
    await chat.page.get_by_role("navigation").get_by_role("button", name="music").click()
    await welcome.get_by_role("button", name="Close the welcome").click()
    await expect(chat.text).to_be_focused()
    await chat.open(greeting.page_url)
    await expect(welcome).to_be_hidden()


async def test_a_button_of_the_welcome_fills_in_a_command_that_enter_sends(chat: Chat) -> None:
    await chat.page.get_by_role("button", name="Find a mood").click()
    await expect(mood(chat)).to_have_value("calm sea")
    await expect(mood(chat)).to_be_focused()
    await chat.keys.type("wild sea")
    await expect(mood(chat)).to_have_value("wild sea")
    await chat.keys.press("Enter")
    await expect(chat.last).to_contain_text("wild sea 0")


async def test_what_is_written_already_takes_the_place_of_the_example(chat: Chat) -> None:
    await chat.keys.type("stormy night")
    await chat.page.get_by_role("button", name="Find a mood").click()
    await expect(mood(chat)).to_have_value("stormy night")


async def test_the_picker_begins_with_the_main_command_and_then_what_is_used_most(
    chat: Chat, greeting: Sandbox
) -> None:
    names = chat.page.locator(".suggest-item .suggest-label")
    for _ in range(2):
        await chat.command("/where")
    await chat.command("/card")
    await chat.text.click()
    await chat.keys.type("/")
    await expect(names.nth(0)).to_have_text("/search")
    await expect(names.nth(1)).to_have_text("/where")
    await expect(names.nth(2)).to_have_text("/card")
    await chat.open(greeting.page_url)
    await chat.keys.type("/")
    await expect(names.nth(1)).to_have_text("/where")
    await chat.keys.press("Escape")
    await chat.text.fill("")
    await chat.become("Bob")
    await chat.text.click()
    await chat.keys.type("/")
    await expect(names.nth(0)).to_have_text("/search")
    await expect(names.nth(1)).to_have_text("/ask")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1366, 390])
async def test_axe_finds_nothing_on_the_first_screen(chat: Chat, scheme: Any, width: int) -> None:
    await chat.page.set_viewport_size({"width": width, "height": 641})
    await chat.page.emulate_media(color_scheme=scheme)
    assert await violations(chat.page) == []
    await chat.page.get_by_role("button", name="Find a mood").click()
    await expect(mood(chat)).to_be_visible()
    assert await violations(chat.page) == []
    # The first Escape closes the list of choices, where there is one.
    while await chat.page.locator(".command-line").count():
        await chat.keys.press("Escape")
    await expect(chat.page.get_by_text("Kept as text")).to_be_visible()
    assert await violations(chat.page) == []


async def test_the_buttons_wait_for_the_bot(browser: Browser) -> None:
    async with Sandbox(limits=Limits.none(), welcome=WELCOME) as sandbox:
        sandbox.bot_process(runs=True)
        async with open_chat(browser, sandbox.page_url) as chat:
            button = chat.page.get_by_role("button", name="Find a mood")
            await expect(button).to_have_attribute("aria-disabled", "true")
            await button.click(force=True)
            await expect(chat.page.locator(".command-line")).to_have_count(0)
            async with Program(sandbox):
                await expect(button).not_to_have_attribute("aria-disabled", "true")
                await expect(chat.page.locator(".notice")).to_have_count(0)
