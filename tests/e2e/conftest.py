from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.actors import Actor, ChannelHandle
from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.server import Sandbox
from sandbox.spec import Spec, SpecMissingError, find_spec
from tests.e2e.bot_process import ROOT, BotProcess
from tests.fault_coverage import _every_fault_strikes
from tests.requirements import absent

__all__ = ["_every_fault_strikes"]


@pytest.fixture(scope="session")
def description() -> Spec:
    """Discord's own description of its API: every request and answer here is held to it."""
    try:
        return Spec(find_spec(ROOT))
    except SpecMissingError as error:
        absent("openapi", str(error))


@pytest.fixture(autouse=True)
def _valid_by_the_description(description: Spec) -> Iterator[None]:
    yield
    found, description.mismatches = description.mismatches, []
    assert found == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(description: Spec, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotProcess]:
    """One running bot for a whole module."""
    async with running(description, tmp_path_factory.mktemp("bot")) as bot:
        yield bot


@pytest.fixture
async def own_bot(description: Spec, tmp_path: Path) -> AsyncIterator[BotProcess]:
    """A running bot for one test, which may kill it."""
    async with running(description, tmp_path) as bot:
        yield bot


def running(description: Spec, folder: Path, **environment: str) -> Running:
    return Running(description, folder, environment)


class Running:
    """A sandbox with the bot in it, its commands known."""

    def __init__(self, description: Spec, folder: Path, environment: dict[str, str]) -> None:
        # A clock that moves only when it is turned: a busy machine misses no deadline.
        self.sandbox = Sandbox(clock=Clock(paused_at=time.time()), limits=Limits.none(), spec=description)
        self.bot = BotProcess(self.sandbox, folder, **environment)

    async def __aenter__(self) -> BotProcess:
        await self.sandbox.__aenter__()
        await self.bot.__aenter__()
        alice = self.sandbox.member("alice")
        await self.sandbox.until(lambda: "music" in alice.commands(), 60, "the commands")
        return self.bot

    async def __aexit__(self, *error: object) -> None:
        await self.bot.kill()
        await self.sandbox.__aexit__(None, None, None)
        # Shown where the test failed.
        print("\n".join(self.bot.lines[-60:]))


@pytest.fixture
def alice(bot: BotProcess) -> Actor:
    return bot.sandbox.member("alice")


@pytest.fixture
def bob(bot: BotProcess) -> Actor:
    return bot.sandbox.member("bob")


@pytest.fixture
def music(bot: BotProcess) -> ChannelHandle:
    return bot.sandbox.channel("music")
