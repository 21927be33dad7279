"""axe on the page as it is shown."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Page


async def violations(page: Page) -> list[str]:
    """Return what axe finds wrong, one line an element."""
    found: Any = await Axe().run(page)
    return [
        f"{rule['id']}: {node['html'][:160]} {node.get('failureSummary', '')}"
        for rule in found.response["violations"]
        for node in rule["nodes"]
    ]
