"""Which engine a mode's model is: described from its files, loaded in the worker. Importing this is cheap."""

from __future__ import annotations

from pathlib import Path

from bot.engines import diffusion, score
from bot.engines.base import Capabilities, Engine
from bot.models import places
from bot.recipe import Mode


def describe(mode: Mode, model: str) -> Capabilities:
    """Say what a model takes and gives, from its files alone. Raises ModelMissing with what to do."""
    folder = _folder(mode, model)
    if diffusion.is_pipeline(folder):
        return diffusion.describe(mode, model, folder)
    return score.describe(mode, folder)


def load(mode: Mode, model: str, device: str, dtype: str) -> Engine:
    """Load a model onto a device; "auto" is a CUDA device where there is one. Raises ModelMissing."""
    from bot.engines import accelerator

    folder = _folder(mode, model)
    device = accelerator.resolved(device)
    if diffusion.is_pipeline(folder):
        return diffusion.load(mode, model, folder, device, dtype)
    return score.load(mode, folder, device, dtype)


def parameters(mode: Mode, model: str) -> int | None:
    """Return how many numbers a model's weights hold, from its files; None for the built-in ones."""
    folder = _folder(mode, model)
    return diffusion.parameters(model, folder) if diffusion.is_pipeline(folder) else None


def fits(mode: Mode, model: str, device: str, dtype: str) -> bool:
    """Tell whether a model fits into the memory that is free now, beside what is loaded."""
    from bot.engines import accelerator
    from bot.engines.diffusion.placing import Placing, chosen_dtype, placing

    device = accelerator.resolved(device)
    count, free = parameters(mode, model), accelerator.free_bytes(device)
    if count is None or free is None:
        return True
    chosen = chosen_dtype(dtype, device, has_bfloat16=accelerator.has_bfloat16(device))
    return placing(count, count, chosen, free) is Placing.RESIDENT


def _folder(mode: Mode, model: str) -> Path:
    if model in score.BUILT_IN:
        return score.BUILT_IN[model]
    folder = places.folder_of(model)
    if folder is None:
        raise places.missing(mode, model, list(score.BUILT_IN))
    return folder


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether the accelerator's or the machine's memory was too small."""
    from bot.engines import accelerator

    return accelerator.is_out_of_memory(error)


def is_device_fault(error: BaseException) -> bool:
    """Tell whether the accelerator is in a state that only a new process mends."""
    from bot.engines import accelerator

    return accelerator.is_device_fault(error)


def release() -> None:
    """Give cached accelerator memory back to the device."""
    from bot.engines import accelerator

    accelerator.release()
