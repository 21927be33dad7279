from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from bot.store.database import Database

settings.register_profile("antiphon", deadline=None, derandomize=True)
settings.load_profile("antiphon")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "antiphon.db", now=0) as database:
        yield database
