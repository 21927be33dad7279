from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageSequence

from sandbox.files import dimensions
from sandbox.server import Sandbox
from tests.browser import find_browser, launched
from tests.requirements import absent
from tests.screencast import KEY_SECONDS, LAST_FRAME, Recording
from tests.screenshots import Picture, take


async def test_a_picture_is_as_large_as_asked(tmp_path: Path) -> None:
    if find_browser() is None:
        absent("browser", "There is no Chromium here to take pictures with.")
    async with Sandbox() as discord:
        await discord.member("alice").send("smile")
        wanted = (Picture("phone", 390, 844, "light", density=1), Picture("list", 400, 300, typed="/"))
        paths = await take(discord.page_url, tmp_path / "docs", wanted)
    assert [path.name for path in paths] == ["phone.png", "list.png"]
    assert [dimensions(path.read_bytes()) for path in paths] == [(390, 844), (800, 600)]


async def test_a_recording_shows_each_key_and_ends_with_the_last_view(tmp_path: Path) -> None:
    path = find_browser()
    if path is None:
        absent("browser", "There is no Chromium here to record with.")
    async with Sandbox() as discord, launched(path) as browser:
        page = await browser.new_page(viewport={"width": 500, "height": 400})
        await page.goto(discord.page_url)
        await page.locator("#composer-text").click()
        recording = Recording(page)
        await recording.look()
        settled = 0
        while settled != (settled := len(recording.frames)):  # the page may still be loading
            await recording.look()
        await recording.type("abc")
        await page.locator("#composer-text").fill("")
        await recording.look()
        recording.save(tmp_path / "typed.gif")
    with Image.open(tmp_path / "typed.gif") as image:
        assert image.size == (500, 400)
        durations = [frame.info["duration"] for frame in ImageSequence.Iterator(image)]
    typed = durations[settled - 1 :]
    assert len(typed) >= 5
    assert all(duration <= 1000 * KEY_SECONDS for duration in typed[:3])
    assert durations[-1] == 1000 * LAST_FRAME
