"""Which engine a mode's model is: described from its files, loaded in the worker. Importing this is cheap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.engines import diffusion, multiband, musicgen, score
from bot.engines.base import Engine
from bot.engines.failures import is_device_fault, is_out_of_memory
from bot.engines.reference import musicgen as audiocraft
from bot.errors import ModelMissing
from bot.hub import converted, hub_cache
from bot.recipe import Mode
from bot.recipe.capabilities import Capabilities

__all__ = ["describe", "fits", "is_device_fault", "is_out_of_memory", "load", "parameters", "release"]


class Package(Protocol):
    """What a package of engines holds."""

    def describe(self, mode: Mode, model: str, folder: Path) -> Capabilities:
        """Say what the model in a folder takes and gives, from its files alone. Raises ModelMissing."""

    def load(self, mode: Mode, model: str, folder: Path, device: str, dtype: str) -> Engine:
        """Load the model in a folder onto a device. Raises SetupError."""

    def parameters(self, model: str, folder: Path) -> int:
        """Return how many numbers its weights hold. Raises ModelMissing."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of model folder, and the engines that read it."""

    holds: Callable[[Path], bool]
    package: Package


KINDS = (
    Kind(diffusion.is_pipeline, diffusion),
    Kind(musicgen.is_musicgen, musicgen),
)
"""By what a folder holds; asked in this order."""

RUNNERS: dict[str, Package] = {"audiocraft": audiocraft, "multiband": multiband}
"""By what stands before the colon of a model's name: other ways to run a MusicGen."""


def describe(mode: Mode, model: str) -> Capabilities:
    """Say what a model takes and gives, from its files alone. Raises ModelMissing with what to do."""
    if model in score.BUILT_IN:
        return score.describe(mode, score.BUILT_IN[model])
    package, folder = _found(mode, model)
    return package.describe(mode, model, folder)


def load(mode: Mode, model: str, device: str, dtype: str) -> Engine:
    """Load a model onto a device; "auto" is a GPU where there is one. Raises SetupError."""
    from bot.engines import accelerator

    device = accelerator.resolved(device)
    if model in score.BUILT_IN:
        return score.load(mode, score.BUILT_IN[model], device, dtype)
    package, folder = _found(mode, model)
    return package.load(mode, model, folder, device, dtype)


def parameters(mode: Mode, model: str) -> int | None:
    """Return how many numbers a model's weights hold, from its files; None for the built-in ones."""
    if model in score.BUILT_IN:
        return None
    package, folder = _found(mode, model)
    return package.parameters(model, folder)


def fits(mode: Mode, model: str, device: str, dtype: str) -> bool:
    """Tell whether a model fits into the memory that is free now, beside what is loaded."""
    from bot.engines import accelerator
    from bot.engines.diffusion.offload import Offload, choose_offload, chosen_dtype

    device = accelerator.resolved(device)
    count, free = parameters(mode, model), accelerator.free_bytes(device)
    if count is None or free is None:
        return True
    chosen = chosen_dtype(dtype, device, has_bfloat16=accelerator.has_bfloat16(device))
    return choose_offload(count, count, chosen, free) is Offload.NONE


def _found(mode: Mode, model: str) -> tuple[Package, Path]:
    """Return what reads a model that is not built in, and its folder. Raises ModelMissing."""
    runner, colon, name = model.partition(":")
    if colon and runner in RUNNERS:
        if name in score.BUILT_IN:
            raise ModelMissing(
                f"{runner} runs a MusicGen, and {name} is none: set AR_MODEL to one, facebook/musicgen-small "
                "for one."
            )
        return RUNNERS[runner], _folder(mode, name)
    folder = _folder(mode, model)
    for kind in KINDS:
        if kind.holds(folder):
            return kind.package, folder
    raise converted.refusal(model, folder)


def _folder(mode: Mode, model: str) -> Path:
    folder = converted.folder_of(model) or hub_cache.folder_of(model)
    if folder is None:
        if Path(model).expanduser().is_file():
            raise ModelMissing(
                f"{model} is a file: set {mode.upper()}_MODEL to the folder of a whole model, with its "
                "configuration."
            )
        raise hub_cache.missing(mode, model, list(score.BUILT_IN))
    return folder


def release() -> None:
    """Give cached accelerator memory back to the device."""
    from bot.engines import accelerator

    accelerator.release()
