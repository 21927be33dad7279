"""The GPU's decode step: static shapes, so that a step is one launch of a captured CUDA graph."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn.functional import scaled_dot_product_attention

from bot.engines.musicgen.model_config import ModelConfig

WARM_UPS = 3
"""Runs before a capture, as torch's documentation of CUDA graphs has it."""


class CUDABackend:
    """KV cache of all slots, and attention over its whole length with later positions masked.

    Every shape is static and nothing synchronises with the host, as the capture of a CUDA graph demands.
    positions: int64 [slots] on the device, read in every step.  max_text: most text states of a row.
    """

    def __init__(
        self, config: ModelConfig, positions: torch.Tensor, length: int, max_text: int, dtype: torch.dtype
    ) -> None:
        slots, heads, width, device = len(positions), config.heads, config.head_width, positions.device
        self._keys = torch.zeros(config.layers, slots, 2, heads, length, width, dtype=dtype, device=device)
        self._values = torch.zeros_like(self._keys)
        max_text = 0 if config.prefix else max_text
        shape = config.layers, 2, slots, heads, max_text, width
        self._cross_kv = torch.zeros(shape, dtype=dtype, device=device)
        self._text_mask = torch.zeros(slots, max_text, dtype=torch.bool, device=device)
        self._text_mask[:, :1] = True
        self._positions = positions
        self._slots = torch.arange(slots, device=device)
        self._cache_positions = torch.arange(length, device=device)

    def set_cross_kv(self, slot: int, layers: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """Set the keys and values [heads, text states, head width] of a slot's text, one pair a layer."""
        for layer, (key, value) in enumerate(layers):
            self._cross_kv[layer, 0, slot, :, : key.shape[1]] = key
            self._cross_kv[layer, 1, slot, :, : key.shape[1]] = value
            self._text_mask[slot] = torch.arange(self._text_mask.shape[1], device=key.device) < key.shape[1]

    def self_attention(self, layer: int, qkv: torch.Tensor) -> torch.Tensor:
        """Store the keys and values of qkv [2 · slots, 3 · hidden]; return attention [2 · slots, hidden]."""
        slots, _, heads, length, width = self._keys.shape[1:]
        query, key, value = qkv.view(slots, 2, 3, heads, width).unbind(2)
        self._keys[layer, self._slots, :, :, self._positions] = key.to(self._keys.dtype)
        self._values[layer, self._slots, :, :, self._positions] = value.to(self._keys.dtype)
        mask = (
            (self._cache_positions <= self._positions[:, None])[:, None]
            .expand(-1, 2, -1)
            .reshape(-1, 1, 1, length)
        )
        attended = scaled_dot_product_attention(
            query.reshape(2 * slots, heads, 1, width).to(self._keys.dtype),
            self._keys[layer].flatten(0, 1),
            self._values[layer].flatten(0, 1),
            mask,
        )
        return attended.reshape(qkv.shape[0], -1).to(qkv.dtype)

    def cross_attention(self, layer: int, query: torch.Tensor) -> torch.Tensor:
        """Return attention [slots, hidden] of queries [slots, hidden] over the text."""
        keys, values = self._cross_kv[layer]
        rows = query.view(len(query), keys.shape[1], 1, -1).to(keys.dtype)
        attended = scaled_dot_product_attention(rows, keys, values, self._text_mask[:, None, None])
        return attended.reshape(query.shape).to(query.dtype)

    def store_prefix_kv(self, layer: int, slot: int, key: torch.Tensor, value: torch.Tensor) -> None:
        """Store keys and values [2, heads, length, head width] of a slot's first positions."""
        self._keys[layer, slot, :, :, : key.shape[2]] = key
        self._values[layer, slot, :, :, : key.shape[2]] = value


def captured(action: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
    """Return an action of static shapes as a replay of one CUDA graph; capturing runs it WARM_UPS + 1 times.

    The replay returns the same tensor every time, overwritten.
    """
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UPS):
            action()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = action()

    def replay() -> torch.Tensor:
        graph.replay()
        return out

    return replay
