from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from bot.store.database import Database
from tests.command_line import Antiphon

# Two processes of tests share the cores, and sums over one thread come out the same on every machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("antiphon", deadline=None, derandomize=True)
settings.load_profile("antiphon")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "antiphon.db", now=0) as database:
        yield database


@pytest.fixture
def antiphon(tmp_path: Path) -> Antiphon:
    """The command line in a folder of its own."""
    return Antiphon(tmp_path)
