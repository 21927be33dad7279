"""MultiBandDiffusion: a diffusion decoder for the tokens of a MusicGen (arXiv:2308.02560).

The autoregressive model samples the tokens as in mode `ar`; their audio is denoised band by band, conditioned
on the codec's latents. Importing this imports no torch.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.engines.base import Engine
from bot.engines.musicgen.checkpoint import parameters, read_checkpoint
from bot.engines.reference import require
from bot.errors import ModelMissing
from bot.hub import converted, hub_cache
from bot.hub.catalogue import MULTIBAND_MODEL, UNKNOWN_LICENCE, licence_of
from bot.recipe import Mode
from bot.recipe.capabilities import Bounds, Capabilities

__all__ = ["MODE", "describe", "load", "parameters"]

MODE = Mode.DIFFUSION

MODEL = MULTIBAND_MODEL
MAX_SECONDS = 60.0
"""A band's U-Net processes the whole clip at once, so its memory grows with the length."""
STEPS = Bounds(5, 200, 20)
"""Denoising steps a band; audiocraft takes 20, every 50th of 1,000."""


def describe(mode: Mode, model: str, folder: Path) -> Capabilities:
    """Return the capabilities of MultiBandDiffusion over a MusicGen; `model` is “multiband:NAME”.

    Raises ModelMissing where one of the two is not there, or audiocraft is not installed.
    """
    if mode is not Mode.DIFFUSION:
        raise ModelMissing(f"{model} is a diffusion model: name it in MODELS, not as AR_MODEL.")
    require()
    bands = read_bands(bands_folder())
    checkpoint = read_checkpoint(folder, model.partition(":")[2])
    if checkpoint.sample_rate != bands["sample_rate"]:
        raise ModelMissing(
            f"{MODEL} sounds at {bands['sample_rate']} Hz, {model} at {checkpoint.sample_rate}."
        )
    base = checkpoint.capabilities
    licences = [base.licence, licence_of(bands_folder(), MODEL)]
    return replace(
        base,
        mode=Mode.DIFFUSION,
        model=model,
        title=f"MultiBandDiffusion over {base.title}'s tokens",
        licence=next((licence for licence in licences if licence != UNKNOWN_LICENCE), UNKNOWN_LICENCE),
        max_seconds=min(base.max_seconds, MAX_SECONDS),
        options={**base.options, "num_sampling_steps": STEPS},
        real_time_factor=base.real_time_factor + 2.0,
    )


def load(mode: Mode, model: str, folder: Path, device: str, dtype: str) -> Engine:
    """Return an engine over the MusicGen in a folder on a device. Raises ModelMissing or ConfigError."""
    capabilities = describe(mode, model, folder)
    from bot.engines.multiband.engine import MultibandEngine

    return MultibandEngine(folder, capabilities, bands_folder(), device, dtype)


def bands_folder() -> Path:
    """Return the folder of the converted bands. Raises ModelMissing with what to do where it is not there."""
    folder = converted.folder_of(MODEL)
    if folder is not None:
        return folder
    fetch = "" if hub_cache.folder_of(MODEL) is not None else f"`antiphon models fetch {MODEL}`, then "
    raise ModelMissing(f"MultiBandDiffusion is not here yet: run {fetch}`antiphon models convert {MODEL}`.")


def read_bands(folder: Path) -> dict[str, Any]:
    """Return the config of converted bands. Raises ModelMissing for any other file."""
    file = folder / "config.json"
    try:
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if config["model_type"] != "multiband_diffusion" or not config["bands"]:
            raise ValueError("it is of another model")
        config["sample_rate"] = int(config["sample_rate"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelMissing(f"{file} is not MultiBandDiffusion's ({error}): convert {MODEL} again.") from error
    return config
