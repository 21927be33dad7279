"""Engines for diffusers' pipelines: ACE-Step, Stable Audio, AudioLDM 2. Importing this imports no torch."""

from __future__ import annotations

from pathlib import Path

from bot.engines.base import Engine
from bot.engines.diffusion.files import is_pipeline
from bot.engines.diffusion.pipelines import read_pipeline
from bot.errors import ModelMissing
from bot.recipe import Mode
from bot.recipe.capabilities import Capabilities

__all__ = ["MODE", "describe", "is_pipeline", "load", "parameters"]

MODE = Mode.DIFFUSION


def describe(mode: Mode, model: str, folder: Path) -> Capabilities:
    """Return the capabilities of the pipeline in a folder, from its files alone. Raises ModelMissing."""
    if mode is not Mode.DIFFUSION:
        raise ModelMissing(f"{model} is a diffusion model: name it in MODELS, not as AR_MODEL.")
    return read_pipeline(model, folder).capabilities


def load(mode: Mode, model: str, folder: Path, device: str, dtype: str) -> Engine:
    """Return an engine with the pipeline in a folder on a device. Raises ModelMissing."""
    describe(mode, model, folder)
    from bot.engines.diffusion.engine import PipelineEngine

    return PipelineEngine(read_pipeline(model, folder), device, dtype)


def parameters(model: str, folder: Path) -> int:
    """Return the number of parameters of the pipeline in a folder. Raises ModelMissing."""
    return read_pipeline(model, folder).parameters
