"""Validation of a diffusers pipeline's folder, without torch; its content is untrusted input.

The layout is diffusers': model_index.json names the classes of the pipeline and of its components; each
component is a folder with a config and weights. Only safetensors are read, only components and classes on the
allow-list of the pipeline, and nothing in a folder is imported or unpickled.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.engines.failures import is_out_of_memory
from bot.errors import ModelMissing
from bot.hub.pointers import refuse_pointer, refuse_pointers

INDEX = "model_index.json"
_JSON_BYTES = 4_000_000
MAX_LAYERS = 512
_WEIGHTS = ("diffusion_pytorch_model", "model")
"""Names that diffusers and transformers give to weights, before .safetensors."""


@dataclass(frozen=True, slots=True)
class Component:
    """A component of a pipeline. Tokenizers and schedulers have an empty config and no weights.

    parameters: the number of values in its weights.  bfloat16: whether all of them are stored in it.
    """

    name: str
    class_name: str
    folder: Path
    config: Mapping[str, Any]
    weights: tuple[Path, ...] = ()
    parameters: int = 0
    bfloat16: bool = False


def is_pipeline(folder: Path) -> bool:
    """Tell whether a folder has the layout of a diffusers pipeline."""
    return (folder / INDEX).is_file()


def read_index(folder: Path) -> tuple[str, dict[str, str]]:
    """Return the pipeline's class name and the class name of each component. Raises ModelMissing."""
    data = read_json(folder / INDEX)
    class_name = data.get("_class_name")
    if not isinstance(class_name, str):
        raise refused(folder / INDEX, "it names no class of pipeline")
    components: dict[str, str] = {}
    for name, value in data.items():
        if name.startswith("_") or not isinstance(value, list):
            continue
        if len(value) != 2 or not re.fullmatch(r"[a-z0-9_]{1,60}", name):
            raise refused(folder / INDEX, f"its component {name[:60]!r} is not a library and a class")
        if isinstance(value[1], str):
            components[name] = value[1]
    return class_name, components


def read_component(folder: Path, name: str, class_name: str, *, with_weights: bool) -> Component:
    """Return a component, the headers of its weights validated but nothing loaded. Raises ModelMissing."""
    path = folder / name
    if not path.is_dir():
        raise refused(path, "the folder is missing")
    refuse_pointers(path, "*.json", "*.txt", "*.model")
    if not with_weights:
        return Component(name, class_name, path, {})
    config = read_json(path / "config.json")
    _check_depth(path / "config.json", config)
    files = _weight_files(path)
    counts, dtypes = zip(*map(_header, files), strict=True)
    return Component(
        name, class_name, path, config, files, sum(counts), bfloat16=set().union(*dtypes) == {"BF16"}
    )


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
        f"{path} cannot be used: {reason}. Fetch the model again (`antiphon models fetch`), or name "
        "another one in MODELS."
    )


def _check_depth(path: Path, config: Mapping[str, Any]) -> None:
    """Raise ModelMissing for more than MAX_LAYERS layers: building them would exhaust time and memory."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            _check_depth(path, value)
        deep = isinstance(value, int) and value > MAX_LAYERS
        if deep and re.search(r"layers?$|n_layer|depth", key):
            raise refused(path, f"{key} is {value:,}, and no model is that deep")


def _weight_files(path: Path) -> tuple[Path, ...]:
    for stem in _WEIGHTS:
        if (single := path / f"{stem}.safetensors").is_file():
            return (single,)
        if (index := path / f"{stem}.safetensors.index.json").is_file():
            return _shards(path, index)
    variants = sorted(file.name for stem in _WEIGHTS for file in path.glob(f"{stem}.*.safetensors"))
    if variants:
        raise refused(
            path / variants[0],
            f"it is a variant, and {_WEIGHTS[0]}.safetensors or {_WEIGHTS[1]}.safetensors is missing",
        )
    pickled = sorted(file.name for ending in ("bin", "ckpt", "pt") for file in path.glob(f"*.{ending}"))
    if pickled:
        refuse_pointer(path / pickled[0])
        raise refused(
            path / pickled[0], "it is a pickle, which can run any program when opened; safetensors are read"
        )
    raise refused(path, f"its weights are missing ({' or '.join(_WEIGHTS)}.safetensors)")


def _shards(path: Path, index: Path) -> tuple[Path, ...]:
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict) or not names:
        raise refused(index, "it has no weight_map")
    files = []
    for name in dict.fromkeys(names.values()):
        if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+\.safetensors", name):
            raise refused(index, f"it names {str(name)[:60]!r}, which isn't a safetensors file beside it")
        if not (path / name).is_file():
            raise refused(path / name, "the file is missing")
        files.append(path / name)
    return tuple(files)


def _header(path: Path) -> tuple[int, set[str]]:
    """Return the number of values in a safetensors file, and the format's names of their dtypes.

    The header has to match the file's length exactly.
    """
    # Imported where a folder is read: 0.8 MB that the bot's process with the built-in models has no use for.
    from safetensors import SafetensorError, safe_open

    count, dtypes = 0, set()
    refuse_pointer(path)
    try:
        with safe_open(path, framework="np") as weights:
            for name in weights.keys():  # noqa: SIM118 - it is no mapping
                size = 1
                one = weights.get_slice(name)
                dtypes.add(str(one.get_dtype()))
                for width in one.get_shape():
                    size *= width
                count += size
    except (OSError, SafetensorError) as error:
        if is_out_of_memory(error):
            raise
        raise refused(path, f"it is damaged or no safetensors file ({error})") from error
    return count, dtypes
