"""The language model's weights, read from a checkpoint in transformers' layout into fused matrices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch

from bot.engines.musicgen.model_config import ModelConfig
from bot.errors import ModelMissing

Tensors = Mapping[str, torch.Tensor]


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
    qkv: torch.Tensor
    self_out: torch.Tensor
    cross_norm: Norm | None
    cross_query: torch.Tensor | None
    cross_key_value: torch.Tensor | None
    cross_out: torch.Tensor | None
    feed_norm: Norm
    feed_in: torch.Tensor
    feed_out: torch.Tensor


@dataclass(frozen=True, slots=True)
class Weights:
    """A whole language model.

    layers: consumed once, in order; the layers of a stored checkpoint are read as they are consumed.
    embeddings: [codebooks, vocabulary + 1, hidden].  heads: [codebooks · vocabulary, hidden].
    """

    embeddings: torch.Tensor
    layers: Iterable[LayerWeights]
    norm: Norm
    heads: torch.Tensor


class _Source:
    """Tensors by name; each take checks the shape and counts the tensor as used."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self.taken: set[str] = set()

    def take(self, name: str, *shape: int) -> torch.Tensor:
        if name not in self._tensors:
            raise ModelMissing(f"The weights hold no {name}: the file is incomplete or of another model.")
        tensor = self._tensors[name]
        if tuple(tensor.shape) != shape:
            raise ModelMissing(f"{name} is {tuple(tensor.shape)} in the weights; the model needs {shape}.")
        self.taken.add(name)
        return tensor.detach()

    def norm(self, name: str, width: int) -> Norm:
        return Norm(self.take(f"{name}.weight", width), self.take(f"{name}.bias", width))

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

    def square(name: str) -> torch.Tensor:
        return source.take(f"{name}.weight", wide, wide)

    def layers() -> Iterator[LayerWeights]:
        for number in range(sizes.layers):
            at = f"{base}.layers.{number}"
            own, cross = f"{at}.self_attn", f"{at}.encoder_attn"
            attends = not sizes.prefix
            yield LayerWeights(
                self_norm=source.norm(f"{at}.self_attn_layer_norm", wide),
                qkv=torch.cat([square(f"{own}.{name}_proj") for name in "qkv"]),
                self_out=square(f"{own}.out_proj"),
                cross_norm=source.norm(f"{at}.encoder_attn_layer_norm", wide) if attends else None,
                cross_query=square(f"{cross}.q_proj") if attends else None,
                cross_key_value=torch.cat([square(f"{cross}.{n}_proj") for n in "kv"]) if attends else None,
                cross_out=square(f"{cross}.out_proj") if attends else None,
                feed_norm=source.norm(f"{at}.final_layer_norm", wide),
                feed_in=source.take(f"{at}.fc1.weight", sizes.feed_forward, wide),
                feed_out=source.take(f"{at}.fc2.weight", wide, sizes.feed_forward),
            )
        # Sinusoidal positions: transformers saves the table, we compute it.
        computed = {f"{base}.embed_positions.weights"}
        source.refuse_unexpected(n for n in tensors if n.startswith("decoder.") and n not in computed)

    books = range(sizes.codebooks)
    rows = sizes.vocabulary + 1
    return Weights(
        torch.stack([source.take(f"{base}.embed_tokens.{k}.weight", rows, wide) for k in books]),
        layers(),
        source.norm(f"{base}.layer_norm", wide),
        torch.cat([source.take(f"decoder.lm_heads.{k}.weight", sizes.vocabulary, wide) for k in books]),
    )
