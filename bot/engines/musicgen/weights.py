"""The language model's weights, named by a checkpoint in transformers' layout and joined into fused matrices.

Norms are read at once. Matrices are read a few rows at a time when they are put into the form of a device,
so that loading takes hardly more memory than that form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from bot.engines.checkpoints.stored import StoredTensors
from bot.engines.musicgen.model_config import ModelConfig
from bot.errors import ModelMissing

Tensors = Mapping[str, torch.Tensor]
PIECE_VALUES = 1 << 16
"""Values that are read and converted at a time, in whole rows: few enough for a core's cache."""


class Rows(Protocol):
    """A matrix [rows, columns] that is read by slices of rows: a tensor, or one that is still on disk."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> torch.Tensor: ...


class JoinedRows:
    """Matrices of one width as one, the first one's rows on top."""

    def __init__(self, parts: Sequence[Rows]) -> None:
        self._parts = parts

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def __getitem__(self, rows: slice, /) -> torch.Tensor:
        """Return consecutive rows."""
        first, end, _ = rows.indices(len(self))
        found = []
        for part in self._parts:
            if first < len(part) and end > 0:
                found.append(part[max(first, 0) : end])
            first, end = first - len(part), end - len(part)
        return found[0] if len(found) == 1 else torch.cat(found)


def pieces(matrix: Rows, width: int, tile: int = 1) -> Iterator[tuple[int, torch.Tensor]]:
    """Yield a matrix [rows, width] in pieces of about PIECE_VALUES, each with the number of its first row.

    tile: every piece but the last has a multiple of so many rows.
    """
    step = max(PIECE_VALUES // width // tile, 1) * tile
    for first in range(0, len(matrix), step):
        yield first, matrix[first : first + step]


def copied(matrix: Rows, width: int, device: str, dtype: torch.dtype) -> torch.Tensor:
    """Return a matrix [rows, width] as a tensor of its own."""
    tensor = torch.empty(len(matrix), width, device=device, dtype=dtype)
    for first, rows in pieces(matrix, width):
        tensor[first : first + len(rows)] = rows
    return tensor


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer norm's weight and bias, each [hidden]."""

    weight: torch.Tensor
    bias: torch.Tensor


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """One layer, projections fused; every matrix is [out, in] without bias.

    qkv: [3 · hidden, hidden].  cross_query: [hidden, hidden].  cross_key_value: [2 · hidden, hidden];
    the three of cross-attention are None where conditioning is prepended.
    """

    self_norm: Norm
    qkv: Rows
    self_out: Rows
    cross_norm: Norm | None
    cross_query: Rows | None
    cross_key_value: Rows | None
    cross_out: Rows | None
    feed_norm: Norm
    feed_in: Rows
    feed_out: Rows


@dataclass(frozen=True, slots=True)
class Weights:
    """A whole language model.

    embeddings: [codebooks · (vocabulary + 1), hidden].  heads: [codebooks · vocabulary, hidden].
    """

    embeddings: Rows
    layers: Sequence[LayerWeights]
    norm: Norm
    heads: Rows


class _Source:
    """Tensors by name; each take checks the shape and counts the tensor as used."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self.taken: set[str] = set()

    def take(self, name: str, *shape: int) -> Rows:
        if name not in self._tensors:
            raise ModelMissing(f"The weights hold no {name}: the file is incomplete or of another model.")
        tensors = self._tensors
        tensor = tensors.rows(name) if isinstance(tensors, StoredTensors) else tensors[name].detach()
        if tuple(tensor.shape) != shape:
            raise ModelMissing(f"{name} is {tuple(tensor.shape)} in the weights; the model needs {shape}.")
        self.taken.add(name)
        return tensor

    def norm(self, name: str, width: int) -> Norm:
        return Norm(self.take(f"{name}.weight", width)[:], self.take(f"{name}.bias", width)[:])

    def refuse_unexpected(self, own: Iterable[str]) -> None:
        if strange := sorted(set(own) - self.taken):
            raise ModelMissing(f"The weights hold {strange[0]}, which this model has no place for.")


def read(sizes: ModelConfig, tensors: Tensors) -> Weights:
    """Return the language model's weights out of a whole checkpoint's tensors, named `decoder.…`.

    Raises ModelMissing with the tensor's name where one is missing, has another shape, or belongs to the
    language model but to no layer of it.
    """
    source = _Source(tensors)
    wide, base = sizes.hidden, "decoder.model.decoder"
    books, attends = range(sizes.codebooks), not sizes.prefix

    def square(name: str) -> Rows:
        return source.take(f"{name}.weight", wide, wide)

    def layer(at: str) -> LayerWeights:
        own, cross = f"{at}.self_attn", f"{at}.encoder_attn"
        return LayerWeights(
            self_norm=source.norm(f"{at}.self_attn_layer_norm", wide),
            qkv=JoinedRows([square(f"{own}.{name}_proj") for name in "qkv"]),
            self_out=square(f"{own}.out_proj"),
            cross_norm=source.norm(f"{at}.encoder_attn_layer_norm", wide) if attends else None,
            cross_query=square(f"{cross}.q_proj") if attends else None,
            cross_key_value=JoinedRows([square(f"{cross}.{n}_proj") for n in "kv"]) if attends else None,
            cross_out=square(f"{cross}.out_proj") if attends else None,
            feed_norm=source.norm(f"{at}.final_layer_norm", wide),
            feed_in=source.take(f"{at}.fc1.weight", sizes.feed_forward, wide),
            feed_out=source.take(f"{at}.fc2.weight", wide, sizes.feed_forward),
        )

    embedded = (f"{base}.embed_tokens.{k}.weight" for k in books)
    weights = Weights(
        JoinedRows([source.take(name, sizes.vocabulary + 1, wide) for name in embedded]),
        [layer(f"{base}.layers.{number}") for number in range(sizes.layers)],
        source.norm(f"{base}.layer_norm", wide),
        JoinedRows([source.take(f"decoder.lm_heads.{k}.weight", sizes.vocabulary, wide) for k in books]),
    )
    # Sinusoidal positions: transformers saves the table, we compute it.
    computed = {f"{base}.embed_positions.weights"}
    source.refuse_unexpected(name for name in tensors if name.startswith("decoder.") and name not in computed)
    return weights
