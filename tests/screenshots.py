"""Pictures of the page for the documentation, of whatever a running sandbox shows.

python -m tests.screenshots docs/ http://127.0.0.1:4711/token/

Start the sandbox, have the bot make what is to be seen, and give the address that it printed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Page

from tests.browser import find_browser, launched


@dataclass(frozen=True)
class Picture:
    """One file: in which size and theme, and what is typed before. `density` is pixels per CSS pixel."""

    name: str
    width: int = 1280
    height: int = 800
    theme: Literal["light", "dark"] = "dark"
    typed: str = ""
    density: float = 2.0


SIZES = {"desk": (1440, 900), "laptop": (1366, 641), "phone": (390, 844)}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PICTURES = tuple(
    Picture(f"sandbox-{size}-{theme}{name}", width, height, theme, typed)
    for size, (width, height) in SIZES.items()
    for theme in THEMES
    for name, typed in (("", ""), ("-commands", "/"))
)


async def take(url: str, folder: Path, pictures: tuple[Picture, ...] = PICTURES) -> list[Path]:
    """Write `pictures` of the page at `url` into `folder`, as PNG files; returns their paths."""
    path = find_browser()
    if path is None:
        raise SystemExit("There is no Chromium here. Install one (Debian: apt-get install chromium).")
    async with launched(path) as browser:
        return [await _take(browser, url, folder / f"{one.name}.png", one) for one in pictures]


async def _take(browser: Browser, url: str, path: Path, picture: Picture) -> Path:
    context = await browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        device_scale_factor=picture.density,
        color_scheme=picture.theme,
        reduced_motion="reduce",
    )
    page = await context.new_page()
    await page.goto(url)
    await page.wait_for_selector("body.ready")
    await _settled(page)
    if picture.typed:
        await page.locator("#composer-text").click()
        await page.keyboard.type(picture.typed)
        await page.wait_for_selector(".suggest:not([hidden])")
    await page.screenshot(path=path, animations="disabled", caret="hide")
    await context.close()
    return path


async def _settled(page: Page) -> None:
    """Return once the fonts, the pictures in sight and the lengths of the players are there."""
    await page.evaluate("document.fonts.ready")
    await page.wait_for_function(
        """() => [...document.querySelectorAll(".messages img")].every((one) => {
            const box = one.getBoundingClientRect();
            return one.complete || box.bottom < 0 || box.top > innerHeight;
        })"""
    )
    await page.wait_for_function(
        "() => [...document.querySelectorAll('audio')].every((one) => one.readyState > 0 || one.error)"
    )


def main() -> None:
    """Take all pictures of the page whose address is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("url", help="the page's address, as the sandbox printed it")
    asked = parser.parse_args()
    for path in asyncio.run(take(asked.url, asked.folder)):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
