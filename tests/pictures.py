"""Take the pictures of duels, series, presets, settings, the coach and the first screen, from the real bot.

python -m tests.pictures docs/             all of them
python -m tests.pictures docs/ series      those of one part

Runs the sandbox and the bot with the built-in models in a folder of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.async_api import Browser, Page, expect

from benchmarks.arena_communities import Community
from bot.arena.leaderboard import leaderboard
from bot.arena.votes import Arm
from bot.leaderboard.picture import draw
from bot.recipe import Mode
from tests.arena.community import votes_among, votes_of
from tests.browser import find_browser, launched
from tests.sandbox.chat import Chat
from tests.screencast import sandbox

HEARD_SECONDS = 12
"""More than DUEL_HEARING_SECONDS and half of both clips of 5 s."""
PATIENCE = 120_000
PROMPT = "slow piano in the rain"


def leaderboards(folder: Path) -> None:
    """Write leaderboards of simulated communities into `folder`: unknown, known, and three models."""
    tags = (("genre:jazz",), ("genre:techno", "mood:calm"), ("mood:dark", "genre:ambient"), ("genre:folk",))
    for name, community in (
        ("unknown", Community(30, 60, 5, 0.52, 0.5, 0.5)),
        ("known", Community(60, 200, 9, 0.64, 0.5, 0.5)),
    ):
        board = leaderboard(votes_of(community, 1, tags), title="The Cosy Corner", now=2e6)
        path = folder / f"leaderboard-{name}.png"
        path.write_bytes(draw(board, "tag"))
        print(path)
    path = folder / "leaderboard-models.png"
    arms = {
        Arm(Mode.AR, "musicgen-small"): -0.5,
        Arm(Mode.AR, "musicgen-medium"): 0.1,
        Arm(Mode.DIFFUSION, "ace-step"): 0.7,
    }
    board = leaderboard(votes_among(arms, duels=40, people=20), title="The Cosy Corner", now=2e6)
    path.write_bytes(draw(board))
    print(path)


async def take(folder: Path, parts: Sequence[str]) -> None:
    """Write the pictures of these parts into `folder`, as PNG files."""
    if "leaderboards" in parts:
        leaderboards(folder)
    chromium = find_browser()
    if chromium is None:
        raise SystemExit("There is no Chromium here. Install one (Debian: apt-get install chromium).")
    expect.set_options(timeout=PATIENCE)
    with tempfile.TemporaryDirectory() as home:
        async with sandbox(Path(home)) as url, launched(chromium) as browser:
            for name, part in PARTS.items():
                if name in parts:
                    await part(browser, url, folder)


async def _opened(
    browser: Browser, url: str, width: int, height: int, theme: Literal["light", "dark"] = "dark"
) -> Chat:
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=1.5,
        color_scheme=theme,
        reduced_motion="reduce",
    )
    chat = Chat(await context.new_page())
    await chat.open(url)
    await expect(chat.page.locator(".audio")).not_to_have_count(0)
    await expect(chat.page.locator(".audio").nth(1)).to_be_attached()
    return chat


async def _first_minute(browser: Browser, url: str, folder: Path) -> None:
    themes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for name, width, height in (("laptop", 1366, 641), ("phone", 390, 844)):
        for theme in themes:
            chat = await _opened(browser, url, width, height, theme)
            await _save(chat.page, folder / f"first-{name}-{theme}.png")
            await chat.page.context.close()


async def _later(browser: Browser, url: str) -> Chat:
    """Return the page of somebody who has closed the welcome."""
    chat = await _opened(browser, url, 1280, 860)
    await chat.page.get_by_role("button", name="Close the welcome").click()
    return chat


async def _coach(browser: Browser, url: str, folder: Path) -> None:
    chat = await _later(browser, url)
    await chat.command("/coach a sad song in the style of a famous film composer")
    await expect(chat.last).to_contain_text("famous film composer")
    await asyncio.sleep(2)
    await _save(chat.page, folder / "coach-desk.png")
    await chat.page.set_viewport_size({"width": 390, "height": 844})
    await _save(chat.page, folder / "coach-phone.png")
    await chat.page.context.close()


async def _presets(browser: Browser, url: str, folder: Path) -> None:
    chat = await _later(browser, url)
    await chat.command("/preset browse")
    await expect(chat.last.get_by_role("button").first).to_be_visible()
    await asyncio.sleep(2)
    await _save(chat.page, folder / "presets-desk.png")
    await chat.page.set_viewport_size({"width": 390, "height": 844})
    await _save(chat.page, folder / "presets-phone.png")
    await chat.page.context.close()


async def _owner(browser: Browser, url: str, folder: Path) -> None:
    chat = await _later(browser, url)
    await chat.become("Host")
    await chat.command("/settings")
    await expect(chat.last).to_contain_text("Channels for clips")
    await chat.last.locator("select, [role=combobox], .select").first.click()
    await chat.page.get_by_text("Limits", exact=True).last.click()
    await expect(chat.last).to_contain_text("Share of the queue")
    await asyncio.sleep(2)
    await _save(chat.page, folder / "settings-desk.png")
    await chat.page.set_viewport_size({"width": 390, "height": 844})
    await _save(chat.page, folder / "settings-phone.png")
    await chat.page.set_viewport_size({"width": 1280, "height": 860})
    await chat.command("/admin status")
    await expect(chat.last.locator("img").last).to_be_visible()
    await asyncio.sleep(3)
    await _save(chat.page, folder / "status-desk.png")
    await chat.page.set_viewport_size({"width": 390, "height": 844})
    await asyncio.sleep(1)
    await _save(chat.page, folder / "status-phone.png")
    await chat.page.context.close()


async def _duel(browser: Browser, url: str, folder: Path) -> None:
    chat = await _later(browser, url)
    await chat.become("Alice")
    await chat.command(f"/duel start {PROMPT}")
    duel = chat.page.locator(".message", has=chat.page.get_by_role("button", name="Both good"))
    await expect(duel).to_be_visible()
    await asyncio.sleep(2)
    await _save(chat.page, folder / "duel-open.png")
    await asyncio.sleep(HEARD_SECONDS)
    for person, choice in (("Alice", "A"), ("Bob", "A"), ("Carol", "B"), ("Mina", "A")):
        await chat.become(person)
        await duel.get_by_role("button", name=choice, exact=True).click()
        await expect(chat.page.get_by_text("Your vote").last).to_be_visible()
    await duel.get_by_role("button", name="Close").click()
    await expect(chat.page.get_by_role("button", name="Rematch")).to_be_visible()
    await chat.become("Host")
    await asyncio.sleep(2)
    await _save(chat.page, folder / "duel-closed.png")
    await chat.command("/leaderboard")
    await expect(chat.last.locator("img").last).to_be_visible()
    await asyncio.sleep(4)
    await _save(chat.page, folder / "leaderboard-first.png")
    await chat.page.context.close()


async def _series(browser: Browser, url: str, folder: Path) -> None:
    chat = await _later(browser, url)
    await chat.become("Alice")
    await chat.text.click()
    await chat.keys.type(f"/duel series {PROMPT}; a march with brass and drums")
    await expect(chat.page.locator(".command-line")).to_be_visible()
    await chat.keys.press("Tab")
    for contender in ("antiphon-tiny-ar", "antiphon-tiny-diffusion"):
        await chat.keys.type(contender)
        await chat.suggestions.filter(has_text=contender).first.click()
    for option in ("duels:2", "seconds:5"):
        await chat.keys.type(option)
        await chat.keys.press("Tab")
    await chat.keys.press("Enter")
    votes = (("Alice", "A"), ("Bob", "A"), ("Carol", "B"), ("Mina", "A")), (("Bob", "B"), ("Carol", "B"))
    for of_duel in votes:
        duel = chat.page.locator(".message", has=chat.page.get_by_role("button", name="Both good"))
        await expect(duel).to_have_count(1)
        await asyncio.sleep(HEARD_SECONDS)
        for person, choice in of_duel:
            await chat.become(person)
            await duel.get_by_role("button", name=choice, exact=True).click()
            await expect(chat.page.get_by_text("Your vote").last).to_be_visible()
        await chat.become("Alice")
        await duel.get_by_role("button", name="Close").click()
        await expect(duel).to_have_count(0)
    await expect(chat.message("likely best")).to_be_visible()
    await chat.become("Host")
    await asyncio.sleep(2)
    await _save(chat.page, folder / "series-desk.png")
    await chat.page.set_viewport_size({"width": 390, "height": 844})
    await _save(chat.page, folder / "series-phone.png")
    await chat.page.context.close()


async def _save(page: Page, path: Path) -> None:
    await page.evaluate("document.fonts.ready")
    data = await page.screenshot(animations="disabled", caret="hide")
    Image.open(io.BytesIO(data)).convert("RGB").save(path, optimize=True)
    sys.stdout.write(f"{path}\n")


PARTS = {
    "first": _first_minute,
    "coach": _coach,
    "presets": _presets,
    "owner": _owner,
    "duel": _duel,
    "series": _series,
}


def main() -> None:
    """Take all pictures, or those of the parts that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    names = ("leaderboards", *PARTS)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(names)}; none for all")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(names):
        parser.error(f"There is no part {', '.join(sorted(unknown))}.")
    asyncio.run(take(asked.folder, asked.parts or names))


if __name__ == "__main__":
    main()
