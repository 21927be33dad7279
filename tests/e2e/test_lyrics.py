"""Lyrics of several lines, from a member to a model that sings over HTTP, and the coach's look at them."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from sandbox.actors import text_of
from sandbox.spec import Spec
from tests.browser import find_browser, launched
from tests.e2e.clips import made, pressed, private
from tests.e2e.conftest import running
from tests.engines.remote.server import Server, serving
from tests.program import ENGINES
from tests.requirements import absent
from tests.sandbox.chat import open_chat

PATIENCE = 90_000
"""Milliseconds; far more than anything takes."""
LYRICS = "[verse]\nRain on the roof tonight\nNobody home but me\n\n[chorus]\nStay, stay until the light"


async def test_line_breaks_reach_the_singer_and_the_coach_looks_at_them(
    description: Spec, tmp_path: Path
) -> None:
    server = Server()
    with serving(server) as address:
        environment = {ENGINES: "bot.engines.registry", "REMOTE_ENGINES": address, "MODELS": "remote:ace"}
        async with running(description, tmp_path, **environment) as bot:
            alice = bot.sandbox.member("alice")
            clip = await made(alice, "folk", lyrics=LYRICS, seconds=10)
            assert server.received[-1]["request"]["lyrics"] == LYRICS
            shown = text_of(clip)
            assert "words for" not in shown, "14 words in 10 s are sung"
            details = text_of(await private(await pressed(alice, clip, "Details")))
            assert "Rain on the roof tonight\nNobody home but me\n" in details

            beside = "[verse] rain on the roof\nstay"
            assert "Line 1 has words beside the tag [verse]" in text_of(
                await made(alice, "folk", lyrics=beside, seconds=10)
            )
            many = "[verse]\n" + "\n".join("la la la la la la la la" for _ in range(10))
            assert "80 words for 10 seconds" in text_of(await made(alice, "folk", lyrics=many, seconds=10))
            russian = "[verse]\nдождь по крыше всю ночь идёт"
            wrong = await made(alice, "folk", lyrics=russian, language="English", seconds=10)
            assert "The lyrics look Russian, and the language is set to English" in text_of(wrong)
            assert server.received[-1]["request"]["lyrics"] == russian


async def test_lines_typed_on_the_page_reach_the_singer(description: Spec, tmp_path: Path) -> None:
    path = find_browser()
    if path is None:
        absent("browser", "There is no Chromium here to show the page in.")
    server = Server()
    with serving(server) as address:
        environment = {ENGINES: "bot.engines.registry", "REMOTE_ENGINES": address, "MODELS": "remote:ace"}
        async with (
            running(description, tmp_path, **environment) as bot,
            launched(path) as browser,
            open_chat(browser, bot.sandbox.page_url) as chat,
        ):
            await chat.become("Alice")
            await chat.text.click()
            await chat.keys.type("/music folk")
            await expect(chat.page.locator(".command-line")).to_be_visible()
            await chat.keys.press("Tab")
            await chat.keys.type("seconds:10")
            await chat.keys.press("Tab")
            await chat.keys.type("lyrics:")
            first, *others = LYRICS.split("\n")
            await chat.keys.type(first)
            for line in others:
                await chat.keys.press("Shift+Enter")
                await chat.keys.type(line)
            await expect(chat.page.get_by_role("textbox", name="lyrics, optional")).to_have_value(LYRICS)
            await chat.keys.press("Enter")
            await expect(chat.last.locator(".audio")).to_be_visible(timeout=PATIENCE)
    assert [one["request"]["lyrics"] for one in server.received] == [LYRICS]
