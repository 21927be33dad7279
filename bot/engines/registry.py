"""Which engine a mode's model is: described from its files, loaded in the worker. Importing this is cheap."""

from __future__ import annotations

from pathlib import Path

from bot.engines import score
from bot.engines.base import Capabilities, Engine
from bot.errors import ModelMissing
from bot.recipe import Mode


def describe(mode: Mode, model: str) -> Capabilities:
    """Say what a model takes and gives, from its files alone. Raises ModelMissing with what to do."""
    return score.describe(mode, _folder(mode, model))


def load(mode: Mode, model: str, device: str, dtype: str) -> Engine:
    """Load a model onto a device; "auto" is a CUDA device where there is one. Raises ModelMissing."""
    from bot.engines import accelerator

    return score.load(mode, _folder(mode, model), accelerator.resolved(device), dtype)


def _folder(mode: Mode, model: str) -> Path:
    if model in score.BUILT_IN:
        return score.BUILT_IN[model]
    names = " and ".join(score.BUILT_IN)
    raise ModelMissing(f"No model named {model} is installed for mode {mode}; the built-in ones are {names}.")


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
