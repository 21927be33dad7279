"""Checkpoints converted by `antiphon models convert`, and the errors for folders that no engine reads."""

from __future__ import annotations

from pathlib import Path

from bot.errors import ModelMissing
from bot.hub import hub_cache
from bot.hub.pointers import is_pointer, pointer_error
from bot.module_run import run_module

AUDIOCRAFT_FILES = ("state_dict.bin", "compression_state_dict.bin")
MULTIBAND_FILE = "mbd_musicgen_32khz.th"
_READ_FIRST = ("model_index.json", "config.json", *AUDIOCRAFT_FILES)
_ADAPTERS = (
    "adapter_config.json",
    "adapter_model.safetensors",
    "pytorch_lora_weights.safetensors",
    "pytorch_lora_weights.bin",
)
"""File names of a LoRA in peft and diffusers."""
_ORIGINALS = ("ckpt", "pth", "pt")


def root() -> Path:
    """Return the folder of converted hub models, beside the Hugging Face cache; it may not be there yet."""
    return hub_cache.root().parent / "antiphon"


def target_of(model: str) -> Path:
    """Return the target of a conversion: in the cache for a hub model, else beside the source."""
    if Path(model).is_dir():
        return Path(model).with_name(f"{Path(model).resolve().name}-converted")
    return root() / model.replace("/", "--")


def folder_of(model: str) -> Path | None:
    """Return the folder that a hub model was converted into, or None."""
    if Path(model).is_dir() or not hub_cache.is_hub_name(model):
        return None
    folder = target_of(model)
    return folder if (folder / "config.json").is_file() else None


def refusal(model: str, folder: Path) -> ModelMissing:
    """Return the error for a folder that no engine reads as it is, with what to do."""
    pointer = next((file for file in map(folder.joinpath, _READ_FIRST) if is_pointer(file)), None)
    if pointer is not None:
        return pointer_error(pointer)
    if any((folder / name).is_file() for name in (*AUDIOCRAFT_FILES, MULTIBAND_FILE)):
        return ModelMissing(
            f"{folder} holds audiocraft's own files, which can hide code: run "
            f"`antiphon models convert {model}` once. It reads them safely and writes safetensors."
        )
    if adapter := next((name for name in _ADAPTERS if (folder / name).is_file()), None):
        return ModelMissing(
            f"{folder} holds a LoRA ({adapter}), which only changes another model and is not read: set the "
            "model that it was made for."
        )
    if originals := sorted(path.name for ending in _ORIGINALS for path in folder.glob(f"*.{ending}")):
        return ModelMissing(
            f"{folder} holds {originals[0]}, a checkpoint in its authors' own layout: set a folder or a hub "
            "name in the layout of transformers or diffusers."
        )
    if (folder / "model.safetensors").is_file() and not (folder / "config.json").is_file():
        return ModelMissing(f"config.json is missing in {folder}: fetch the model again.")
    return ModelMissing(
        f"{folder} holds no model that this program knows: a MusicGen has config.json and model.safetensors, "
        "a pipeline of diffusers has model_index.json."
    )


def convert(model: str, target: Path | None = None) -> Path:
    """Convert audiocraft's files of a hub model or a folder in a child process, and return the target folder.

    target: by default target_of(model). Raises ModelMissing with the file and the reason where something is
    missing, damaged, or a pickle with code.
    """
    source = hub_cache.folder_of(model)
    if source is None:
        raise ModelMissing(
            f"{model} isn't on this computer. Fetch it with `antiphon models fetch {model} --audiocraft`, or "
            "give the folder that holds its files."
        )
    target = target_of(model) if target is None else target
    failure = f"{source} cannot be converted"
    run_module("bot.engines.convert", str(source), str(target), error=ModelMissing, failure=failure)
    return target
