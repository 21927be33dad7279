"""MusicGen's transformer for decoding: one column of tokens in, the next column's logits out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch.nn.functional import gelu, layer_norm, scaled_dot_product_attention

from bot.engines.musicgen.cpu.backend import CPUBackend, PackedWeights
from bot.engines.musicgen.cuda.backend import CUDABackend
from bot.engines.musicgen.linear import Linear, Precision, TorchLinear, dtype_on, on_cpu
from bot.engines.musicgen.model_config import ModelConfig
from bot.engines.musicgen.weights import LayerWeights, Norm, Rows, Tensors, Weights, copied, read
from bot.engines.threads import one_thread

Conditioning = list[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values [heads, text states, head width] of cross-attention, one pair a layer."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer's matrices in their device's form; `cross` is None where conditioning is prepended."""

    self_norm: Norm
    qkv: Linear
    self_out: Linear
    cross: Cross | None
    feed_norm: Norm
    feed_in: Linear
    feed_out: Linear


@dataclass(frozen=True, slots=True)
class Cross:
    """A layer's cross-attention."""

    norm: Norm
    query: Linear
    key_value: Linear
    out: Linear


class LanguageModel:
    """MusicGen's language model, its weights laid out for one device and precision."""

    def __init__(self, sizes: ModelConfig, weights: Weights, device: str, precision: Precision) -> None:
        self.sizes, self.device, self.precision = sizes, device, precision
        self.dtype = dtype_on(device, precision)
        self._packed = PackedWeights(sizes, precision) if on_cpu(device) else None
        embeddings = copied(weights.embeddings, sizes.hidden, device, self.dtype)
        self.embeddings = embeddings.view(sizes.codebooks, sizes.vocabulary + 1, sizes.hidden)
        self._layers = [self._layer(number, layer) for number, layer in enumerate(weights.layers)]
        self._norm = self._norm_on_device(weights.norm)
        self._heads = self._placed("heads", 0, weights.heads, sizes.hidden)
        if self._packed is not None:
            self._packed.put_last_norm(self._norm)
        half = sizes.hidden // 2
        exponents = torch.arange(half, dtype=torch.float64) / max(half - 1, 1)
        # Apple's GPU has no float64.
        precise = torch.float32 if torch.device(device).type == "mps" else torch.float64
        self._frequencies = (10_000.0**-exponents).to(device, precise)
        self._first_positions = torch.empty(0, sizes.hidden)

    @classmethod
    @torch.inference_mode()
    def from_weights(
        cls,
        sizes: ModelConfig,
        tensors: Tensors,
        device: str = "cpu",
        precision: Precision = "fp32",
    ) -> Self:
        """Build the model from a checkpoint's tensors; named as weights.read expects.

        Raises ModelMissing for tensors that do not fit, ValueError for a precision this device has not.
        """
        with one_thread():
            return cls(sizes, read(sizes, tensors), device, precision)

    def cpu_backend(self, count: int, length: int, max_text: int) -> CPUBackend:
        """Return the CPU back end for `count` slots.

        length, max_text: most positions and most text states of a slot.
        """
        assert self._packed is not None, "on a GPU, CUDABackend is used"
        return CPUBackend(self.sizes, self._packed, count, length, max_text)

    def position_embeddings(self, count: int) -> torch.Tensor:
        """Return the embeddings of the first positions, [count, hidden]; worked out once."""
        if len(self._first_positions) < count:
            self._first_positions = self._positions(torch.arange(count, device=self.device))
        return self._first_positions[:count]

    def step(self, tokens: torch.Tensor, positions: torch.Tensor, backend: CUDABackend) -> torch.Tensor:
        """Return logits [slots, 2, codebooks, vocabulary] of the next column, conditional and unconditional.

        Of static shapes; on a CPU `cpu.columns.decode` is the step.
        tokens: int64 [slots, codebooks].  positions: int64 [slots], in each slot's cache.
        """
        x = self._embedded(tokens) + self._positions(positions)
        slots, wide = x.shape
        x = x[:, None].expand(-1, 2, -1).reshape(2 * slots, wide)
        for number, layer in enumerate(self._layers):
            qkv = layer.qkv(normed(x, layer.self_norm))
            x = x + layer.self_out(backend.self_attention(number, qkv))
            if layer.cross is not None:
                # The unconditional row has no text: its cross-attention output is zero and is not computed.
                worded = x.view(slots, 2, wide)[:, 0]
                query = layer.cross.query(normed(worded, layer.cross.norm))
                attended = layer.cross.out(backend.cross_attention(number, query))
                x.view(slots, 2, wide)[:, 0] += attended
            x = x + layer.feed_out(gelu(layer.feed_in(normed(x, layer.feed_norm))))
        logits = self._heads(normed(x, self._norm))
        return logits.view(slots, 2, self.sizes.codebooks, self.sizes.vocabulary)

    def prefill(
        self, slot: int, inputs: torch.Tensor, cross_kv: Conditioning, backend: CPUBackend | CUDABackend
    ) -> None:
        """Compute a slot's first positions at once (prefill) and store their keys and values.

        inputs: [2, length, hidden], embedded, without positions.
        """
        length, wide = inputs.shape[1:]
        heads, width = self.sizes.heads, self.sizes.head_width
        x = inputs + self._positions(torch.arange(length, device=self.device))
        x = x.reshape(2 * length, wide)
        for number, layer in enumerate(self._layers):
            qkv = layer.qkv(normed(x, layer.self_norm)).view(2, length, 3, heads, width)
            query, key, value = qkv.permute(2, 0, 3, 1, 4)
            backend.store_prefix_kv(number, slot, key, value)
            mixed = scaled_dot_product_attention(query, key, value, is_causal=True)
            x = x + layer.self_out(mixed.transpose(1, 2).reshape(2 * length, wide))
            if layer.cross is not None:
                query = layer.cross.query(normed(x[:length], layer.cross.norm))
                query = query.view(length, heads, width).transpose(0, 1)
                attended = scaled_dot_product_attention(
                    query[None], cross_kv[number][0][None], cross_kv[number][1][None]
                )
                x[:length] += layer.cross.out(attended[0].transpose(0, 1).reshape(length, wide))
            x = x + layer.feed_out(gelu(layer.feed_in(normed(x, layer.feed_norm))))

    def columns(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return embeddings [length, hidden] of columns int64 [length, codebooks], without positions."""
        return self._embedded(tokens)

    def conditioning(self, states: torch.Tensor) -> Conditioning:
        """Return the cross-attention keys and values of projected text states [n, hidden], layer by layer."""
        shape = len(states), 2, self.sizes.heads, self.sizes.head_width
        states = states.to(self.device, self.dtype)
        out: Conditioning = []
        for layer in self._layers:
            if layer.cross is not None:
                key, value = layer.cross.key_value(states).view(shape).permute(1, 2, 0, 3).contiguous()
                out.append((key, value))
        return out

    def _embedded(self, tokens: torch.Tensor) -> torch.Tensor:
        books = torch.arange(self.sizes.codebooks, device=self.device)
        return self.embeddings[books, tokens].sum(1)

    def _positions(self, positions: torch.Tensor) -> torch.Tensor:
        angles = positions[:, None] * self._frequencies
        return torch.cat([angles.cos(), angles.sin()], 1).to(self.dtype)

    def _layer(self, number: int, w: LayerWeights) -> Layer:
        cross, wide = None, self.sizes.hidden
        if w.cross_norm is not None and w.cross_query is not None:
            assert w.cross_key_value is not None
            assert w.cross_out is not None
            cross = Cross(
                self._norm_on_device(w.cross_norm),
                self._placed("cross_query", number, w.cross_query, wide),
                self._placed("cross_key_value", number, w.cross_key_value, wide),
                self._placed("cross_out", number, w.cross_out, wide),
            )
        layer = Layer(
            self._norm_on_device(w.self_norm),
            self._placed("qkv", number, w.qkv, wide),
            self._placed("self_out", number, w.self_out, wide),
            cross,
            self._norm_on_device(w.feed_norm),
            self._placed("feed_in", number, w.feed_in, wide),
            self._placed("feed_out", number, w.feed_out, self.sizes.feed_forward),
        )
        if self._packed is not None:
            norms = layer.self_norm, cross.norm if cross else layer.feed_norm, layer.feed_norm
            self._packed.put_norms(number, norms)
        return layer

    def _placed(self, name: str, layer: int, weight: Rows, width: int) -> Linear:
        if self._packed is None:
            return TorchLinear(copied(weight, width, self.device, self.dtype))
        return self._packed.put(name, layer, weight, width)

    def _on_device(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self.device, self.dtype).contiguous()

    def _norm_on_device(self, norm: Norm) -> Norm:
        return Norm(self._on_device(norm.weight), self._on_device(norm.bias))


def normed(x: torch.Tensor, norm: Norm) -> torch.Tensor:
    """Return the layer norm of x over its last axis; epsilon 1e-5 as in both public implementations."""
    return layer_norm(x, norm.weight.shape, norm.weight, norm.bias, 1e-5)
