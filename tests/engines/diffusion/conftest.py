from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.engines import registry
from bot.engines.diffusion import oobleck
from bot.recipe import Mode, Recipe
from tests.engines.diffusion.checkpoints import write_pipeline

README = "---\nlicense: cc-by-nc-sa-4.0\n---\n# A small pipeline\n"
KINDS: dict[str, tuple[str, dict[str, Any], float]] = {
    "turbo": (
        "ace_step",
        {
            "is_turbo": True,
            "model_version": "turbo",
            "without": ("audio_tokenizer", "audio_token_detokenizer"),
        },
        10.0,
    ),
    "base": ("ace_step", {}, 10.0),
    "stable_audio": ("stable_audio", {}, 1.5),
    "stable_audio_3": ("stable_audio_3", {}, 4.5),
    "audioldm2": ("audioldm2", {}, 1.5),
}
"""Name of a small pipeline → its manifest, what is different in it, a length for its clips."""


@pytest.fixture(autouse=True)
def whole_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decode without tiles, which round otherwise: a decoder with random weights makes much of a rounding."""
    monkeypatch.setattr(oobleck, "TILE_SAMPLES", 10**9)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("pipelines")
    return {
        name: write_pipeline(root / name, source, readme=README, **config)
        for name, (source, config, _) in KINDS.items()
    }


@pytest.fixture(scope="session")
def engine(folders: dict[str, Path]) -> Callable[[str], Any]:
    loaded: dict[str, Any] = {}

    def get(name: str) -> Any:
        if name not in loaded:
            loaded[name] = registry.load(Mode.DIFFUSION, str(folders[name]), "cpu", "auto")
        return loaded[name]

    return get


@pytest.fixture(scope="session")
def asked(folders: dict[str, Path]) -> Callable[..., Recipe]:
    def recipe(name: str, **changes: Any) -> Recipe:
        known = {
            "prompt": "slow piano in the rain",
            "mode": Mode.DIFFUSION,
            "model": str(folders[name]),
            "seconds": KINDS[name][2],
            "seed": 7,
            "num_sampling_steps": 3,
        }
        return Recipe.from_dict(known | changes)

    return recipe
