"""Record the README's moving picture: the first screen, a prompt is typed, the clip appears and is played.

python -m tests.screencast docs/sandbox.gif

Runs the sandbox and the bot with the built-in models in a folder of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageChops
from playwright.async_api import Page

from tests.browser import find_browser, launched

ROOT = Path(__file__).parents[1]
PROMPT = "swinging jazz trio with saxophone"
OPTIONS: tuple[tuple[str, str], ...] = (("seconds", "60"),)
"""The longest clip, so that its bar is seen to move."""
WIDTH, HEIGHT = 1000, 760
COLOURS = 128
"""Size of the palette; a frame holds the interface's few colours and one picture of a clip."""
KEY_SECONDS = 0.07
LONGEST_FRAME = 0.5
"""Seconds that a still view is shown at most: waits for the renderer are shortened to this."""
LAST_FRAME = 2.5
FIRST_LOOK = 1.5
"""Seconds that the first screen and the finished clip are shown."""
PLAYED_SECONDS = 3.0
PATIENCE = 180.0
MAX_BYTES = 2_000_000


@dataclass
class Recording:
    """Views of a page that differ, each with the seconds for which it is shown."""

    page: Page
    frames: list[tuple[Image.Image, float]] = field(default_factory=list)
    taken: float = 0.0

    async def look(self, longest: float = LONGEST_FRAME) -> None:
        """Take the present view; the one before is shown for `longest` seconds at most."""
        data = await self.page.screenshot(caret="initial")
        image = Image.open(io.BytesIO(data)).convert("RGB")
        now = time.monotonic()
        if not self.frames:
            self.frames.append((image, LAST_FRAME))
        elif ImageChops.difference(self.frames[-1][0], image).getbbox():
            self.frames[-1] = self.frames[-1][0], min(now - self.taken, longest)
            self.frames.append((image, LAST_FRAME))
        else:
            return
        self.taken = now

    async def until(self, reached: Callable[[], Awaitable[bool]]) -> None:
        """Record until `reached`. Raises TimeoutError after PATIENCE seconds."""
        async with asyncio.timeout(PATIENCE):
            while not await reached():
                await self.look()
                await asyncio.sleep(0.1)
        await self.look()

    async def type(self, text: str) -> None:
        """Press the keys of `text` one by one."""
        for key in text:
            await self.page.keyboard.type(key)
            await self.look(KEY_SECONDS)

    def save(self, path: Path) -> None:
        """Write the frames as a GIF that repeats without end."""
        palette = self.frames[-1][0].quantize(COLOURS)
        images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image, _ in self.frames]
        images[0].save(
            path,
            save_all=True,
            append_images=images[1:],
            duration=[max(20, round(1000 * one)) for _, one in self.frames],
            loop=0,
            optimize=True,
        )


@asynccontextmanager
async def sandbox(folder: Path) -> AsyncIterator[str]:
    """Run `antiphon sandbox` in `folder`; the value is the page's address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "sandbox",
        "--no-open",
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "DISCORD_TOKEN"}
        | {"PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            address = await _address(process.stdout)
        yield address
    finally:
        process.terminate()
        await process.wait()


async def _address(output: asyncio.StreamReader) -> str:
    """Return the first address that a process prints."""
    async for line in output:
        if address := re.search(rb"http://\S+", line):
            return address[0].decode()
    raise SystemExit("The sandbox ended before it had a page.")


async def record(path: Path) -> None:
    """Write the moving picture to `path`."""
    chromium = find_browser()
    if chromium is None:
        raise SystemExit("There is no Chromium here. Install one (Debian: apt-get install chromium).")
    with tempfile.TemporaryDirectory() as folder:
        async with sandbox(Path(folder)) as url, launched(chromium) as browser:
            page = await browser.new_page(
                viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="dark", reduced_motion="reduce"
            )
            page.set_default_timeout(PATIENCE * 1000)
            await page.goto(url)
            await page.wait_for_selector("body.ready")
            # The two clips of the first start, so that the models are loaded and the channel is lived in.
            await page.wait_for_function("() => document.querySelectorAll('.audio').length === 2")
            recording = Recording(page)
            await film(recording)
            recording.save(path)


async def film(recording: Recording) -> None:
    """Do what a member does for one clip."""
    page = recording.page
    await recording.look()
    await asyncio.sleep(FIRST_LOOK)
    await page.get_by_role("button", name="Make a clip").click()
    await page.wait_for_selector(".command-line")
    await recording.look(FIRST_LOOK)
    # The example is marked, so that what is typed takes its place.
    await recording.type(PROMPT)
    await page.keyboard.press("Tab")
    for name, value in OPTIONS:
        await recording.type(f"{name}:")
        await recording.type(value)
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    players = page.locator(".audio")

    async def clip_is_there() -> bool:
        return await players.count() == 3 and bool(
            await page.evaluate(
                "() => [...document.querySelectorAll('.messages img')].every((one) => one.complete)"
            )
        )

    await recording.until(clip_is_there)
    await asyncio.sleep(0.7)
    await recording.look()
    await players.last.locator(".audio-play").click()
    end = time.monotonic() + PLAYED_SECONDS

    async def heard() -> bool:
        return time.monotonic() > end

    await recording.until(heard)


def main() -> None:
    """Record into the file whose path is given. Exits with 1 where the file is too large for a README."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("path", type=Path, help="where the GIF goes")
    asked = parser.parse_args()
    asyncio.run(record(asked.path))
    size = asked.path.stat().st_size
    sys.stdout.write(f"{asked.path}: {size:,} bytes\n")
    raise SystemExit(size > MAX_BYTES)


if __name__ == "__main__":
    main()
