from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.server import Sandbox
from sandbox.spec import Spec, SpecMissingError, find_spec
from tests.fault_coverage import _every_fault_strikes
from tests.sandbox.page_fixtures import browser, chat, song, window, with_bot
from tests.sandbox.raw import Raw

__all__ = ["_every_fault_strikes", "browser", "chat", "song", "window", "with_bot"]

ROOT = Path(__file__).parents[2]
NOON = 1_780_000_000.0


@pytest.fixture(scope="session")
def description() -> Spec | None:
    try:
        return Spec(find_spec(ROOT))
    except SpecMissingError:
        return None


@pytest.fixture
def spec(description: Spec | None) -> Iterator[Spec | None]:
    """Discord's description where there is one; what did not fit fails the test that caused it."""
    yield description
    if description is not None:
        found, description.mismatches = description.mismatches, []
        assert found == []


@pytest.fixture
async def discord(spec: Spec | None) -> AsyncIterator[Sandbox]:
    """A sandbox whose time stands still until it is turned, without rate limits, held to the description."""
    async with Sandbox(clock=Clock(paused_at=NOON), limits=Limits.none(), spec=spec) as sandbox:
        yield sandbox


@pytest.fixture
async def raw(discord: Sandbox) -> AsyncIterator[Raw]:
    async with Raw(discord) as client:
        yield client
