"""The page in a browser, driven as a person would: by its texts, labels and keys."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Locator, Page, expect

PATIENCE = 30_000
"""Milliseconds after which a wait has failed: far more than anything takes, on a busy machine too."""

expect.set_options(timeout=PATIENCE)


class Chat:
    """One open page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.keys = page.keyboard
        self.text = page.locator("#composer-text")
        self.suggestions = page.locator(".suggest [role=option]")
        self.hint = page.locator(".suggest .hint")
        self.dialog = page.get_by_role("dialog")
        self.broken: list[str] = []
        page.on("pageerror", lambda error: self.broken.append(str(error)))
        page.on("console", lambda line: self.broken.append(line.text) if line.type == "error" else None)
        page.on("dialog", lambda dialog: self.broken.append(f"a script opened a dialog: {dialog.message}"))

    async def open(self, url: str) -> None:
        """Load the page afresh, as nobody in particular, and wait until it can be typed into."""
        await self.page.goto(url)
        await expect(self.page.locator("body.ready")).to_be_attached()

    @property
    def last(self) -> Locator:
        """The newest message."""
        return self.page.locator(".messages li:last-child .message")

    def message(self, text: str) -> Locator:
        """The newest message that says this."""
        return self.page.locator(".message").filter(has_text=text).last

    async def say(self, text: str) -> Locator:
        """Write a plain message."""
        await self.text.click()
        await self.keys.type(text)
        await self.keys.press("Enter")
        await expect(self.text).to_have_value("")
        return self.message(text)

    async def command(self, line: str) -> None:
        """Type a slash command and send it: "/preset save mine"."""
        await self.text.click()
        await self.keys.type(line + " ")
        await expect(self.page.locator(".command-line")).to_be_visible()
        await self.keys.press("Enter")

    async def become(self, name: str) -> None:
        """Switch to another user by the menu."""
        await self.page.locator(".you-switch").click()
        await self.page.get_by_role("menuitemradio", name=name).click()
        await expect(self.page.locator(".you-name")).to_have_text(name)

    async def focused(self) -> str:
        """The accessible name, or failing that the text, of what has the focus."""
        words = """() => {
            const element = document.activeElement;
            return element.ariaLabel || element.textContent.trim() || element.tagName;
        }"""
        return str(await self.page.evaluate(words))

    async def evaluate(self, expression: str, value: Any = None) -> Any:
        """What a JavaScript function gives for a value."""
        return await self.page.evaluate(f"({expression})({json.dumps(value)})")


@asynccontextmanager
async def open_chat(browser: Browser, url: str, **context: Any) -> AsyncIterator[Chat]:
    """A page in a profile of its own, ready to be typed into; errors of its scripts fail the test."""
    profile = await browser.new_context(viewport={"width": 1280, "height": 800}, **context)
    profile.set_default_timeout(PATIENCE)
    try:
        chat = Chat(await profile.new_page())
        await chat.open(url)
        yield chat
        assert chat.broken == []
    finally:
        await profile.close()
