from __future__ import annotations

from pathlib import Path

from sandbox.files import dimensions
from sandbox.server import Sandbox
from tests.browser import find_browser
from tests.requirements import absent
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
