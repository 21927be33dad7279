"""What a GPU wants of a decode step: the same shapes every time, and one launch for all of it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn.functional import scaled_dot_product_attention

from bot.engines.musicgen.sizes import Sizes

WARM_UPS = 3
"""Runs before a capture, as torch's documentation of CUDA graphs has it."""


class AllSlots:
    """Attention of all slots at once over their whole caches, what lies beyond each one's place masked.

    Every shape is fixed and nothing is asked of the host, so that a step can be captured as a CUDA graph.
    places: int64 [slots] on the device, read in every step.  words: most words of a row.
    """

    def __init__(
        self, sizes: Sizes, places: torch.Tensor, length: int, words: int, dtype: torch.dtype
    ) -> None:
        slots, heads, width, device = len(places), sizes.heads, sizes.head_width, places.device
        self._keys = torch.zeros(sizes.layers, slots, 2, heads, length, width, dtype=dtype, device=device)
        self._values = torch.zeros_like(self._keys)
        words = 0 if sizes.prefix else words
        shape = sizes.layers, 2, slots, heads, words, width
        self._words = torch.zeros(shape, dtype=dtype, device=device)
        self._heard = torch.zeros(slots, words, dtype=torch.bool, device=device)
        self._heard[:, :1] = True
        self._places = places
        self._slots = torch.arange(slots, device=device)
        self._positions = torch.arange(length, device=device)

    def hold(self, slot: int, words: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """See Attention."""
        for layer, (key, value) in enumerate(words):
            self._words[layer, 0, slot, :, : key.shape[1]] = key
            self._words[layer, 1, slot, :, : key.shape[1]] = value
            self._heard[slot] = torch.arange(self._heard.shape[1], device=key.device) < key.shape[1]

    def stand(self, places: list[int | None]) -> None:
        """See Attention; the places are on the device already."""

    def over_past(self, layer: int, qkv: torch.Tensor) -> torch.Tensor:
        """See Attention."""
        slots, _, heads, length, width = self._keys.shape[1:]
        query, key, value = qkv.view(slots, 2, 3, heads, width).unbind(2)
        self._keys[layer, self._slots, :, :, self._places] = key.to(self._keys.dtype)
        self._values[layer, self._slots, :, :, self._places] = value.to(self._keys.dtype)
        seen = (self._positions <= self._places[:, None])[:, None].expand(-1, 2, -1).reshape(-1, 1, 1, length)
        mixed = scaled_dot_product_attention(
            query.reshape(2 * slots, heads, 1, width).to(self._keys.dtype),
            self._keys[layer].flatten(0, 1),
            self._values[layer].flatten(0, 1),
            seen,
        )
        return mixed.reshape(qkv.shape[0], -1).to(qkv.dtype)

    def over_words(self, layer: int, query: torch.Tensor) -> torch.Tensor:
        """See Attention."""
        keys, values = self._words[layer]
        rows = query.view(len(query), keys.shape[1], 1, -1).to(keys.dtype)
        heard = scaled_dot_product_attention(rows, keys, values, self._heard[:, None, None])
        return heard.reshape(query.shape).to(query.dtype)

    def fill(self, layer: int, slot: int, key: torch.Tensor, value: torch.Tensor) -> None:
        """See Attention."""
        self._keys[layer, slot, :, :, : key.shape[2]] = key
        self._values[layer, slot, :, :, : key.shape[2]] = value


def captured(action: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
    """Return an action of fixed shapes as one CUDA graph; it has to be harmless to run now.

    The tensor that the result gives is the same one every time, overwritten.
    """
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UPS):
            action()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = action()

    def replay() -> torch.Tensor:
        graph.replay()
        return out

    return replay
