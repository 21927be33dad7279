"""MusicGen: its language model in our own decode loop, its text encoder and codec through transformers.

Importing this imports no torch.
"""

from __future__ import annotations

from pathlib import Path

from bot.engines.base import Engine
from bot.engines.musicgen.checkpoint import is_musicgen, parameters, read_checkpoint, with_continuation
from bot.errors import ModelMissing
from bot.recipe import Mode
from bot.recipe.capabilities import Capabilities

__all__ = ["MODE", "describe", "is_musicgen", "load", "parameters"]

MODE = Mode.AR


def describe(mode: Mode, model: str, folder: Path) -> Capabilities:
    """Return the capabilities of the checkpoint in a folder, from its files alone. Raises ModelMissing."""
    if mode is not Mode.AR:
        raise ModelMissing(f"{model} is an autoregressive model: name it in MODELS, not as DIFFUSION_MODEL.")
    return with_continuation(read_checkpoint(folder, model).capabilities)


def load(mode: Mode, model: str, folder: Path, device: str, dtype: str) -> Engine:
    """Return an engine with the checkpoint in a folder on a device. Raises ModelMissing or ConfigError."""
    describe(mode, model, folder)
    from bot.engines.musicgen.engine import MusicgenEngine

    return MusicgenEngine(folder, model, device, dtype)
