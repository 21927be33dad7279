"""The music server of the tests under REMOTE_ENGINES, and clips of its models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.engines import registry
from bot.recipe import Mode, Recipe, Role
from tests.engines.context import RecordingContext
from tests.engines.remote.server import Server, serving

PROMPT = "slow piano in the rain"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    with serving(server) as address:
        monkeypatch.setenv("REMOTE_ENGINES", address)
        yield server


def recipe(model: str = "sa3-small", mode: Mode = Mode.DIFFUSION, **more: Any) -> Recipe:
    known = {"prompt": PROMPT, "mode": mode, "model": f"remote:{model}", "seconds": 2.0, "seed": 7}
    return Recipe.from_dict(known | more)


def engine(model: str = "sa3-small", mode: Mode = Mode.DIFFUSION) -> Any:
    return registry.load(mode, f"remote:{model}", "auto", "auto")


def rendered(recipe: Recipe, engine: Any, **files: Path) -> np.ndarray:
    context = RecordingContext(recipe, sources={Role(role): path for role, path in files.items()})
    engine.run(context)
    if context.errors:
        raise context.errors[1]
    return context.waves[1]
