from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.second_opinion.simulated import Simulation, simulated


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulation]:
    """One running bot for a whole module."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        async with simulated(tmp_path_factory.mktemp("bot"), monkeypatch) as place:
            yield place
