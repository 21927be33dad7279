"""The built-in engines: they write a score and play it with a sampler. Importing this imports no torch.

`describe` reads what a model takes from its files alone; `load` brings its weights in and returns the engine.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bot.engines.base import Engine
from bot.engines.score.config import read_config
from bot.recipe import Mode
from bot.recipe.capabilities import Capabilities

if TYPE_CHECKING:
    import torch

MODELS = Path(__file__).resolve().parents[2] / "weights" / "tiny"
"""Where the models that ship with the project are."""
BUILT_IN = {"antiphon-tiny-ar": MODELS / "ar", "antiphon-tiny-diffusion": MODELS / "diffusion"}
"""Name of a built-in model → its folder."""


def describe(mode: Mode | str, folder: Path) -> Capabilities:
    """Return the capabilities of the model in `folder`.

    Raises ModelMissing if none of this mode is there, whole.
    """
    return read_config(Mode(mode), folder).capabilities


def load(
    mode: Mode | str, folder: Path, device: str = "cpu", dtype: torch.dtype | str | None = None
) -> Engine:
    """Return an engine with the weights in `folder` on `device`; `dtype` None is float32.

    Raises ModelMissing.
    """
    score_config = read_config(Mode(mode), folder)
    if score_config.capabilities.mode is Mode.AR:
        from bot.engines.score.ar import ArEngine

        return ArEngine(score_config, device, dtype)
    from bot.engines.score.diffusion import DiffusionEngine

    return DiffusionEngine(score_config, device, dtype)
