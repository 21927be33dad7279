"""The static key and value cache of all slots, and attention over it."""

from __future__ import annotations

from typing import Protocol

import torch
from torch.nn.functional import scaled_dot_product_attention

from bot.engines.musicgen.sizes import Sizes


class Attention(Protocol):
    """What the network asks for in a step and in a prefill."""

    def over_past(self, layer: int, qkv: torch.Tensor) -> torch.Tensor:
        """Store this step's keys and values and attend to all so far.

        qkv: [2 · slots, 3 · hidden], a slot's row with words before its row without.
        Returns [2 · slots, hidden].
        """

    def over_words(self, layer: int, query: torch.Tensor) -> torch.Tensor:
        """Attend to each slot's words. query and result: [slots, hidden]."""

    def fill(self, layer: int, slot: int, key: torch.Tensor, value: torch.Tensor) -> None:
        """Store the keys and values [2, heads, length, head width] of a slot's first positions."""


class SlotBySlot:
    """Attention of one slot after another over exactly its own context: what a CPU does best.

    Nothing is computed for padding, and no slot's numbers depend on another's length.
    """

    def __init__(self, sizes: Sizes, slots: int, length: int, dtype: torch.dtype) -> None:
        # Left unfilled, so that memory is taken up only as far as clips get.
        shape = sizes.layers, slots, 2, sizes.heads, length, sizes.head_width
        self._keys = torch.empty(shape, dtype=dtype)
        self._values = torch.empty(shape, dtype=dtype)
        self._words: list[list[tuple[torch.Tensor, torch.Tensor]]] = [[] for _ in range(slots)]
        self._heads, self._width = sizes.heads, sizes.head_width
        self._places: list[int | None] = [None] * slots

    def hold(self, slot: int, words: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """Give a slot the keys and values [heads, words, head width] of its words, one pair a layer."""
        self._words[slot] = words

    def stand(self, places: list[int | None]) -> None:
        """Set each slot's position in its cache for the next step; None is an idle slot."""
        self._places = places

    def over_past(self, layer: int, qkv: torch.Tensor) -> torch.Tensor:
        """See Attention."""
        rows = qkv.view(len(self._places), 2, 3, self._heads, 1, self._width)
        out = qkv.new_zeros(len(self._places), 2, self._heads, 1, self._width)
        for slot, place in enumerate(self._places):
            if place is None:
                continue
            query, key, value = rows[slot].unbind(1)
            keys, values = self._keys[layer, slot], self._values[layer, slot]
            keys[:, :, place : place + 1] = key
            values[:, :, place : place + 1] = value
            out[slot] = scaled_dot_product_attention(
                query, keys[:, :, : place + 1], values[:, :, : place + 1]
            )
        return out.view(qkv.shape[0], -1)

    def over_words(self, layer: int, query: torch.Tensor) -> torch.Tensor:
        """See Attention."""
        rows = query.view(len(self._places), 1, self._heads, 1, self._width)
        out = torch.zeros_like(rows)
        for slot, place in enumerate(self._places):
            if place is not None:
                key, value = self._words[slot][layer]
                out[slot] = scaled_dot_product_attention(rows[slot], key[None], value[None])
        return out.view(query.shape)

    def fill(self, layer: int, slot: int, key: torch.Tensor, value: torch.Tensor) -> None:
        """See Attention."""
        self._keys[layer, slot, :, :, : key.shape[2]] = key
        self._values[layer, slot, :, :, : key.shape[2]] = value
