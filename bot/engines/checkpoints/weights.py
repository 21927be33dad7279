"""Safe and strict loading of weights: safetensors or `weights_only=True`, no tensor missing or unexpected.

A folder holds `model.safetensors`, or shards with `model.safetensors.index.json`, or, where neither is there,
`pytorch_model.bin` or its shards, which are read with `weights_only=True`. Every refusal names the file and
the reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar

import torch

from bot.engines.checkpoints.stored import Entry, StoredTensors, entries
from bot.engines.failures import is_out_of_memory
from bot.errors import ModelMissing
from bot.hub.pointers import refuse_pointer

WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLED = "pytorch_model.bin"
PICKLED_INDEX = "pytorch_model.bin.index.json"
MAX_NAMED = 3
"""Tensors that an error names; the rest are counted."""

Tensors = Mapping[str, torch.Tensor]
T = TypeVar("T")


def read_tensors(folder: Path) -> dict[str, torch.Tensor]:
    """Return every tensor of a model folder by name, on the CPU, in its stored dtype.

    Raises ModelMissing where there are none, or where a file is damaged or holds more than tensors.
    """
    return dict(open_tensors(folder))


def open_tensors(folder: Path) -> Tensors:
    """Return the tensors of a model folder without reading them: each access reads one from its file.

    A pickle is read at once. Raises ModelMissing like `read_tensors`.
    """
    if (folder / WHOLE).is_file():
        return StoredTensors(entries(folder / WHOLE))
    if (folder / INDEX).is_file():
        return StoredTensors(_shards(folder / INDEX))
    if (folder / PICKLED).is_file():
        return _pickled_tensors(folder / PICKLED)
    variants = sorted(path.name for path in folder.glob("model.*.safetensors"))
    if variants:
        raise ModelMissing(
            f"{folder} holds only a variant of the weights, {variants[0]}: fetch the model again, or rename "
            f"the file to {WHOLE}."
        )
    if (folder / PICKLED_INDEX).is_file():
        return _pickled_shards(folder / PICKLED_INDEX)
    raise ModelMissing(f"There are no weights in {folder}: neither {WHOLE} nor {INDEX} nor {PICKLED}.")


def _pickled_tensors(file: Path) -> dict[str, torch.Tensor]:
    found = read_pickled(file)
    if all(isinstance(value, torch.Tensor) for value in found.values()):
        return found
    raise ModelMissing(f"{file} holds more than tensors and is not used.")


def read_pickled(file: Path) -> dict[str, Any]:
    """Return the mapping in a file of torch.save, unpickled with `weights_only=True`.

    Raises ModelMissing for a file that holds more than tensors and plain values: a pickle can run code.
    """
    refuse_pointer(file)
    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise ModelMissing(
            f"{file} holds more than tensors, and reading it could run code, so it is not loaded. If it is "
            f"audiocraft's, `antiphon models convert {file.parent}` reads it safely and writes safetensors."
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError) as error:
        if is_out_of_memory(error):
            raise
        raise ModelMissing(f"{file} is damaged or cut short: fetch the model again.") from error
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise ModelMissing(f"{file} holds no table of tensors.")
    return found


def _shards(index: Path) -> dict[str, Entry]:
    return _sharded(index, ".safetensors", entries)


def _pickled_shards(index: Path) -> dict[str, torch.Tensor]:
    return _sharded(index, ".bin", _pickled_tensors)


def _sharded(index: Path, ending: str, read: Callable[[Path], Mapping[str, T]]) -> dict[str, T]:
    """Return what `read` finds in the files that an index names, held to the index. Raises ModelMissing."""
    refuse_pointer(index)
    try:
        weight_map = json.loads(index.read_text(encoding="utf-8-sig"))["weight_map"]
        shards = sorted(set(weight_map.values()))
    except OSError as error:
        raise ModelMissing(f"{index} cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelMissing(f"{index} is not the index of a sharded model.") from error
    found: dict[str, T] = {}
    for shard in shards:
        # A name with a folder in it would read whatever file its author likes.
        if not isinstance(shard, str) or Path(shard).name != shard or not shard.endswith(ending):
            raise ModelMissing(f"{index} names {shard!r}, which isn't in this folder.")
        if not (index.parent / shard).is_file():
            raise ModelMissing(f"The file {shard} is missing in {index.parent}: fetch the model again.")
    for shard in shards:
        for name, entry in read(index.parent / shard).items():
            if weight_map.get(name) != shard:
                raise ModelMissing(f"{index.parent / shard} holds {name}, which {index.name} does not say.")
            found[name] = entry
    if missing := sorted(weight_map.keys() - found.keys()):
        raise ModelMissing(f"{index} promises {_some(missing)}, which no file holds.")
    return found


def with_prefix(tensors: Tensors, prefix: str) -> dict[str, torch.Tensor]:
    """Return the tensors whose names begin with a prefix, the prefix removed."""
    # Name by name: a mapping of stored tensors reads only those that are asked for.
    return {name.removeprefix(prefix): tensors[name] for name in tensors if name.startswith(prefix)}


def refuse_unexpected(tensors: Tensors, prefixes: tuple[str, ...], folder: Path) -> None:
    """Raise ModelMissing for a tensor whose name has none of the prefixes."""
    if unexpected := sorted(name for name in tensors if not name.startswith(prefixes)):
        raise ModelMissing(
            f"The weights in {folder} hold {_some(unexpected)} extra, which the model has not."
        )


def load_strict(module: torch.nn.Module, tensors: Tensors, folder: Path, part: str) -> None:
    """Load tensors into a module; their names and shapes have to match its state dict exactly.

    Raises ModelMissing with the folder, the part and the first tensors that are missing, extra or of another
    shape.
    """
    own = module.state_dict()
    reasons = []
    if missing := sorted(own.keys() - tensors.keys()):
        reasons.append(f"{_some(missing)} missing")
    if extra := sorted(tensors.keys() - own.keys()):
        reasons.append(f"{_some(extra)} extra")
    shapes = [
        f"{name} is {tuple(tensors[name].shape)}, not {tuple(own[name].shape)}"
        for name in sorted(own.keys() & tensors.keys())
        if own[name].shape != tensors[name].shape
    ]
    if shapes:
        reasons.append("; ".join(shapes[:MAX_NAMED]))
    if reasons:
        raise ModelMissing(f"The {part} in {folder} does not fit its configuration: {'; '.join(reasons)}.")
    # A module on the meta device has no memory to copy into: it takes the tensors themselves.
    on_meta = any(value.is_meta for value in own.values())
    module.load_state_dict(dict(tensors), strict=True, assign=on_meta)


def _some(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - MAX_NAMED} others" if len(names) > MAX_NAMED else ""
    return f"{', '.join(names[:MAX_NAMED])}{more}"
