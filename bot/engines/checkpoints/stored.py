"""Tensors that stay in their safetensors files until they are used, so that no checkpoint is in memory twice.

`safetensors` maps a whole file into memory, and every page that was read counts until the last tensor is
gone. Here a tensor is copied out of its file when it is asked for, and freed with its last reference; of a
large one, some rows at a time can be asked for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from bot.engines.failures import is_out_of_memory
from bot.errors import ModelMissing
from bot.hub.pointers import refuse_pointer

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
"""The format's names of dtypes (https://huggingface.co/docs/safetensors, "Format")."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Place of one tensor: its file, dtype and shape, and the first byte."""

    file: Path
    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int


class StoredTensors(Mapping[str, torch.Tensor]):
    """Tensors by name, read from disk by every access, on the CPU, in their stored dtype."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = entries

    def __getitem__(self, name: str) -> torch.Tensor:
        """Read a tensor. Raises KeyError, and ModelMissing where the file changed since it was opened."""
        entry = self._entries[name]
        return _read(entry, entry.shape, entry.begin)

    def rows(self, name: str) -> StoredRows:
        """Return a tensor of one dimension or more by its rows, of which nothing is read yet."""
        return StoredRows(self._entries[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        # Mapping's own would read the tensor.
        return name in self._entries


class StoredRows:
    """A tensor [rows, …] whose rows are read from disk by every slice, on the CPU, in their stored dtype."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry

    @property
    def shape(self) -> tuple[int, ...]:
        """The whole tensor's shape."""
        return self._entry.shape

    def __len__(self) -> int:
        return self._entry.shape[0]

    def __getitem__(self, rows: slice) -> torch.Tensor:
        """Read consecutive rows. Raises ModelMissing where the file changed since it was opened."""
        first, end, _ = rows.indices(len(self))
        of_row = self._entry.shape[1:]
        row_bytes = math.prod(of_row) * self._entry.dtype.itemsize
        return _read(self._entry, (max(end - first, 0), *of_row), self._entry.begin + first * row_bytes)


def _read(entry: Entry, shape: tuple[int, ...], begin: int) -> torch.Tensor:
    """Read a tensor of an entry's dtype from a byte of its file on."""
    tensor = torch.empty(shape, dtype=entry.dtype)
    if tensor.numel():
        memory = tensor.view(-1).view(torch.uint8).numpy().data
        try:
            with entry.file.open("rb", buffering=0) as data:
                data.seek(begin)
                # One read gives at most 2 GiB on Linux.
                while memory and (count := data.readinto(memory)):
                    memory = memory[count:]
        except OSError as error:
            raise ModelMissing(f"{entry.file} cannot be read: {error.strerror or error}.") from error
        if memory:
            raise ModelMissing(f"{entry.file} was cut short while it was read: fetch the model again.")
    return tensor


def entries(file: Path) -> dict[str, Entry]:
    """Return the tensors of a safetensors file. Raises ModelMissing for an invalid or truncated file."""
    refuse_pointer(file)
    try:
        with safe_open(file, framework="pt"):
            # The library has checked the header by now: lengths, offsets without gaps, the file's end.
            pass
        with file.open("rb") as data:
            length = int.from_bytes(data.read(8), "little")
            header = json.loads(data.read(length))
    except Exception as error:
        # Out of memory is not the file's fault, whatever the library calls it.
        if is_out_of_memory(error) or not isinstance(error, SafetensorError | OSError):
            raise
        if isinstance(error, OSError):
            raise ModelMissing(f"{file} cannot be read: {error.strerror or error}.") from error
        raise ModelMissing(
            f"{file} is damaged or cut short ({error}): fetch the model again, or copy the file again."
        ) from error
    header.pop("__metadata__", None)
    if other := sorted({str(entry["dtype"]) for entry in header.values()} - DTYPES.keys()):
        raise ModelMissing(f"{file} holds tensors of {', '.join(other)}, which are not supported.")
    return {
        name: Entry(
            file, DTYPES[entry["dtype"]], tuple(entry["shape"]), 8 + length + entry["data_offsets"][0]
        )
        for name, entry in header.items()
    }
