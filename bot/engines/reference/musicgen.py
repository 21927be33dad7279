"""MusicGen as audiocraft runs it, the models `audiocraft:NAME`. Importing this imports no torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bot.engines import musicgen
from bot.engines.base import Engine
from bot.engines.musicgen.checkpoint import parameters, read_checkpoint
from bot.engines.reference import require
from bot.recipe import Mode
from bot.recipe.capabilities import Capabilities

__all__ = ["MODE", "describe", "load", "parameters"]

MODE = Mode.AR

SLOWER = 4.0
"""Expected render time relative to our decode loop, until a clip was measured."""


def describe(mode: Mode, model: str, folder: Path) -> Capabilities:
    """Return the capabilities of the checkpoint in a folder; `model` is “audiocraft:NAME”.

    Raises ModelMissing where the folder holds no MusicGen, or audiocraft is not installed.
    """
    require()
    name = model.partition(":")[2]
    musicgen.describe(mode, name, folder)
    # audiocraft's continuation is not used: its clips go on from nothing.
    plain = read_checkpoint(folder, name).capabilities
    return replace(
        plain,
        model=model,
        title=f"{plain.title} (audiocraft)",
        real_time_factor=SLOWER * plain.real_time_factor,
    )


def load(mode: Mode, model: str, folder: Path, device: str, dtype: str) -> Engine:
    """Return an engine with the checkpoint in a folder on a device. Raises ModelMissing or ConfigError.

    audiocraft chooses its own precision: fp32 on a CPU, fp16 by autocast on a GPU.
    """
    capabilities = describe(mode, model, folder)
    from bot.engines.reference.engine import AudiocraftEngine

    return AudiocraftEngine(folder, capabilities, device)
