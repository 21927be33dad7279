"""The registry of engines: a model's name or folder selects the package that describes and loads it.

Importing this imports no torch: the bot's process describes models, the worker loads them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.engines import diffusion, multiband, musicgen, remote, score
from bot.engines.base import Engine
from bot.engines.failures import is_device_fault, is_out_of_memory
from bot.engines.reference import musicgen as audiocraft
from bot.errors import ModelMissing
from bot.hub import converted, hub_cache
from bot.hub.catalogue import lookup
from bot.recipe import Mode, ModelRef
from bot.recipe.capabilities import Capabilities

__all__ = [
    "describe",
    "fits",
    "is_device_fault",
    "is_out_of_memory",
    "load",
    "mode_of",
    "parameters",
    "release",
]


class EnginePackage(Protocol):
    """The interface of a package of engines."""

    MODE: Mode
    """The mode of all of its models."""

    def describe(self, mode: Mode, model: str, folder: Path) -> Capabilities:
        """Return the capabilities of the model in a folder, from its files alone. Raises ModelMissing."""

    def load(self, mode: Mode, model: str, folder: Path, device: str, dtype: str) -> Engine:
        """Load the model in a folder onto a device. Raises SetupError."""

    def parameters(self, model: str, folder: Path) -> int:
        """Return the number of its parameters. Raises ModelMissing."""


@dataclass(frozen=True, slots=True)
class FolderFormat:
    """A format of model folders, its detection, and the package that reads it."""

    matches: Callable[[Path], bool]
    package: EnginePackage


FORMATS = (
    FolderFormat(diffusion.is_pipeline, diffusion),
    FolderFormat(musicgen.is_musicgen, musicgen),
)
"""Folder formats, tried in this order."""

PREFIXES: dict[str, EnginePackage] = {"audiocraft": audiocraft, "multiband": multiband}
"""Alternative engines for a MusicGen, by the prefix of a model's name: "audiocraft:NAME"."""


def mode_of(model: str) -> Mode | None:
    """Return a model's mode, from its name, its files or the catalogue; None where none tells it."""
    if model in score.BUILT_IN:
        return next(mode for mode in Mode if score.BUILT_IN[model].name == mode)
    if remote.is_remote(model):
        return remote.mode_of(model)
    prefix, colon, _ = model.partition(":")
    if colon and prefix in PREFIXES:
        return PREFIXES[prefix].MODE
    folder = converted.folder_of(model) or hub_cache.folder_of(model)
    if folder is not None:
        for candidate in FORMATS:
            if candidate.matches(folder):
                return candidate.package.MODE
    entry = lookup(model)
    return entry.mode if entry else None


def describe(mode: Mode, model: str) -> Capabilities:
    """Return a model's capabilities, from its files alone. Raises ModelMissing with instructions."""
    if model in score.BUILT_IN:
        return score.describe(mode, score.BUILT_IN[model])
    if remote.is_remote(model):
        return remote.describe(mode, model)
    package, folder = _resolve(mode, model)
    return package.describe(mode, model, folder)


def load(mode: Mode, model: str, device: str, dtype: str) -> Engine:
    """Load a model onto a device; "auto" selects a GPU if there is one. Raises SetupError."""
    if remote.is_remote(model):
        return remote.load(mode, model)
    from bot.engines import accelerator

    device = accelerator.resolved(device)
    if model in score.BUILT_IN:
        return score.load(mode, score.BUILT_IN[model], device, dtype)
    package, folder = _resolve(mode, model)
    return package.load(mode, model, folder, device, dtype)


def parameters(mode: Mode, model: str) -> int | None:
    """Return a model's number of parameters, from its files; None for built-in ones and a server's."""
    if model in score.BUILT_IN or remote.is_remote(model):
        return None
    package, folder = _resolve(mode, model)
    return package.parameters(model, folder)


def fits(
    mode: Mode,
    model: str,
    device: str,
    dtype: str,
    *,
    loaded: Sequence[ModelRef] = (),
    memory_gb: float = 0.0,
) -> bool:
    """Tell whether a model fits into memory beside the loaded ones; the built-in models always do.

    memory_gb: gigabytes that the weights of all may take; 0 measures what the device has free.
    """
    if remote.is_remote(model):
        return True
    from bot.engines import accelerator
    from bot.engines.diffusion.offload import BYTES, Offload, choose_offload, chosen_dtype

    device = accelerator.resolved(device)
    count = parameters(mode, model)
    if count is None:
        return True
    chosen = chosen_dtype(dtype, device, has_bfloat16=accelerator.has_bfloat16(device))
    if memory_gb:
        counts = [count, *(parameters(*one) or 0 for one in loaded)]
        return sum(counts) * BYTES[chosen] <= memory_gb * 1e9
    free = accelerator.free_bytes(device)
    return free is None or choose_offload(count, count, chosen, free) is Offload.NONE


def _resolve(mode: Mode, model: str) -> tuple[EnginePackage, Path]:
    """Return the package and the folder of a model that is not built in. Raises ModelMissing."""
    prefix, colon, name = model.partition(":")
    if colon and prefix in PREFIXES:
        if name in score.BUILT_IN:
            raise ModelMissing(
                f"{prefix} runs a MusicGen, and {name} is none: put one behind the colon, for example "
                f"{prefix}:facebook/musicgen-small."
            )
        return PREFIXES[prefix], _folder(mode, name)
    folder = _folder(mode, model)
    for candidate in FORMATS:
        if candidate.matches(folder):
            return candidate.package, folder
    raise converted.refusal(model, folder)


def _folder(mode: Mode, model: str) -> Path:
    folder = converted.folder_of(model) or hub_cache.folder_of(model)
    if folder is None:
        if Path(model).expanduser().is_file():
            raise ModelMissing(
                f"{model} is a file: name the folder of a whole model in MODELS, with its configuration."
            )
        raise hub_cache.missing(mode, model, list(score.BUILT_IN))
    return folder


def release() -> None:
    """Give cached accelerator memory back to the device."""
    from bot.engines import accelerator

    accelerator.release()
