"""A diffusers pipeline's folder, read without torch and believed in nothing.

The layout is diffusers': model_index.json names the pipeline's class and each part's; every part is a folder
with a config and its weights. Only safetensors are read, only parts and classes that the pipeline is known to
have, and nothing that a folder holds is ever imported or unpickled.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from bot.engines.failures import is_out_of_memory
from bot.errors import ModelMissing
from bot.hub.pointers import refuse_pointer, refuse_pointers

INDEX = "model_index.json"
_JSON_BYTES = 4_000_000
_LAYERS_MOST = 512
_WEIGHTS = ("diffusion_pytorch_model", "model")
"""Names that diffusers and transformers give to weights, before .safetensors."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a pipeline. config is empty and weights are none for tokenizers and schedulers.

    parameters: how many numbers its weights hold.
    """

    name: str
    class_name: str
    folder: Path
    config: Mapping[str, Any]
    weights: tuple[Path, ...] = ()
    parameters: int = 0


def is_pipeline(folder: Path) -> bool:
    """Tell whether a folder is laid out as diffusers lays pipelines out."""
    return (folder / INDEX).is_file()


def read_index(folder: Path) -> tuple[str, dict[str, str]]:
    """Return the class of a pipeline, and of its parts by name. Raises ModelMissing."""
    data = read_json(folder / INDEX)
    kind = data.get("_class_name")
    if not isinstance(kind, str):
        raise refused(folder / INDEX, "it names no class of pipeline")
    parts: dict[str, str] = {}
    for name, value in data.items():
        if name.startswith("_") or not isinstance(value, list):
            continue
        if len(value) != 2 or not re.fullmatch(r"[a-z0-9_]{1,60}", name):
            raise refused(folder / INDEX, f"its part {name[:60]!r} is not a library and a class")
        if isinstance(value[1], str):
            parts[name] = value[1]
    return kind, parts


def read_part(folder: Path, name: str, class_name: str, *, with_weights: bool) -> Part:
    """Return one part, its weights looked through but not loaded. Raises ModelMissing."""
    place = folder / name
    if not place.is_dir():
        raise refused(place, "the folder is missing")
    refuse_pointers(place, "*.json", "*.txt", "*.model")
    if not with_weights:
        return Part(name, class_name, place, {})
    config = read_json(place / "config.json")
    _check_depth(place / "config.json", config)
    files = _weight_files(place)
    return Part(name, class_name, place, config, files, sum(map(_parameters, files)))


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object. Raises ModelMissing for anything else, and for a file far too large."""
    try:
        if path.stat().st_size > _JSON_BYTES:
            raise refused(path, "it is far too large for a configuration")
        refuse_pointer(path)
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise refused(path, "the file is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise refused(path, "it is not readable as JSON") from error
    if not isinstance(data, dict):
        raise refused(path, "it is not a JSON object")
    return data


def refused(path: Path, reason: str) -> ModelMissing:
    """Return the error for a file that is not used, with its name, the reason and what to do."""
    return ModelMissing(
        f"{path} cannot be used: {reason}. Fetch the model again (`antiphon models fetch`), or set "
        "DIFFUSION_MODEL to another."
    )


def _check_depth(path: Path, config: Mapping[str, Any]) -> None:
    """Refuse depths that no model has: building one would never end."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            _check_depth(path, value)
        deep = isinstance(value, int) and value > _LAYERS_MOST
        if deep and re.search(r"layers?$|n_layer|depth", key):
            raise refused(path, f"{key} is {value:,}, and no model is that deep")


def _weight_files(place: Path) -> tuple[Path, ...]:
    for stem in _WEIGHTS:
        if (single := place / f"{stem}.safetensors").is_file():
            return (single,)
        if (index := place / f"{stem}.safetensors.index.json").is_file():
            return _shards(place, index)
    variants = sorted(path.name for stem in _WEIGHTS for path in place.glob(f"{stem}.*.safetensors"))
    if variants:
        raise refused(
            place / variants[0],
            f"it is a variant, and {_WEIGHTS[0]}.safetensors or {_WEIGHTS[1]}.safetensors is missing",
        )
    pickled = sorted(path.name for ending in ("bin", "ckpt", "pt") for path in place.glob(f"*.{ending}"))
    if pickled:
        refuse_pointer(place / pickled[0])
        raise refused(
            place / pickled[0], "it is a pickle, which can run any program when opened; safetensors are read"
        )
    raise refused(place, f"its weights are missing ({' or '.join(_WEIGHTS)}.safetensors)")


def _shards(place: Path, index: Path) -> tuple[Path, ...]:
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict) or not names:
        raise refused(index, "it has no weight_map")
    files = []
    for name in dict.fromkeys(names.values()):
        if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+\.safetensors", name):
            raise refused(index, f"it names {str(name)[:60]!r}, which is no safetensors file beside it")
        if not (place / name).is_file():
            raise refused(place / name, "the file is missing")
        files.append(place / name)
    return tuple(files)


def _parameters(path: Path) -> int:
    """Count the numbers in a safetensors file; its header has to fit its length exactly."""
    count = 0
    refuse_pointer(path)
    try:
        with safe_open(path, framework="np") as weights:
            for name in weights.keys():  # noqa: SIM118 - it is no mapping
                size = 1
                for width in weights.get_slice(name).get_shape():
                    size *= width
                count += size
    except (OSError, SafetensorError) as error:
        if is_out_of_memory(error):
            raise
        raise refused(path, f"it is damaged or no safetensors file ({error})") from error
    return count
