"""The static key and value cache of all slots, and attention over it."""

from __future__ import annotations

from dataclasses import dataclass
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

    def hold(self, slot: int, words: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """Give a slot the keys and values [heads, words, head width] of its words, one pair a layer."""

    def stand(self, places: list[int | None]) -> None:
        """Set each slot's position in its cache for the next step; None is an idle slot."""


BLOCK = 128
"""Positions whose keys lie together, transposed."""


class SlotBySlot:
    """Attention of one slot after another over exactly its own context: what a CPU does best.

    Nothing is computed for padding, and no slot's numbers depend on another's length. A query meets its keys
    in a sum of key rows weighted by the query, and values are summed by their weights: `embedding_bag` reads
    such rows faster than torch's matrix products do, in fp32 and twice as fast in fp16, and adds in fp32.
    """

    def __init__(self, sizes: Sizes, slots: int, length: int, dtype: torch.dtype) -> None:
        blocks = -(-length // BLOCK)
        heads, width = sizes.heads, sizes.head_width
        # Left unfilled, so that memory is taken up only as far as clips get.
        self._keys = torch.empty(sizes.layers, slots, 2, heads, blocks, width, BLOCK, dtype=dtype)
        self._values = torch.empty(sizes.layers, slots, 2, heads, length, width, dtype=dtype)
        self._words: list[list[tuple[torch.Tensor, torch.Tensor]]] = [[] for _ in range(slots)]
        self._heads, self._width, self._dtype = heads, width, dtype
        pairs = torch.arange(2 * heads, dtype=torch.int32)[:, None]
        self._key_rows = pairs * blocks * width + torch.arange(blocks * width, dtype=torch.int32)
        self._value_rows = pairs * length + torch.arange(length, dtype=torch.int32)
        self._reads: list[_Read | None] = [None] * slots

    def hold(self, slot: int, words: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """See Attention."""
        self._words[slot] = words

    def stand(self, places: list[int | None]) -> None:
        """See Attention."""
        self._reads = [None if place is None else self._read(place) for place in places]

    def over_past(self, layer: int, qkv: torch.Tensor) -> torch.Tensor:
        """See Attention."""
        rows = qkv.view(len(self._reads), 2, 3, self._heads, self._width)
        out = qkv.new_zeros(len(self._reads), 2 * self._heads, self._width)
        for slot, read in enumerate(self._reads):
            if read is not None:
                query, key, value = rows[slot].unbind(1)
                keys, values = self._keys[layer, slot], self._values[layer, slot]
                keys[:, :, read.place // BLOCK, :, read.place % BLOCK] = key
                values[:, :, read.place] = value
                out[slot] = self._attended(query, keys, values, read)
        return out.view(qkv.shape[0], -1)

    def over_words(self, layer: int, query: torch.Tensor) -> torch.Tensor:
        """See Attention."""
        rows = query.view(len(self._reads), 1, self._heads, 1, self._width)
        out = torch.zeros_like(rows)
        for slot, read in enumerate(self._reads):
            if read is not None:
                key, value = self._words[slot][layer]
                out[slot] = scaled_dot_product_attention(rows[slot], key[None], value[None])
        return out.view(query.shape)

    def fill(self, layer: int, slot: int, key: torch.Tensor, value: torch.Tensor) -> None:
        """See Attention."""
        self._values[layer, slot, :, :, : value.shape[2]] = value
        for block, part in enumerate(torch.split(key.transpose(2, 3), BLOCK, 3)):
            self._keys[layer, slot, :, :, block, :, : part.shape[3]] = part

    def _read(self, place: int) -> _Read:
        """Return which rows of the cache a step at this position reads; one for all layers."""
        blocks, length = place // BLOCK + 1, place + 1
        return _Read(
            place,
            self._key_rows[:, : blocks * self._width].reshape(-1),
            torch.arange(0, 2 * self._heads * blocks * self._width, self._width, dtype=torch.int32),
            self._value_rows[:, :length].reshape(-1),
            torch.arange(0, 2 * self._heads * length, length, dtype=torch.int32),
        )

    def _attended(
        self, query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, read: _Read
    ) -> torch.Tensor:
        """Attend with query [2, heads, head width] of one slot; returns [2 · heads, head width]."""
        blocks, pairs = read.place // BLOCK + 1, 2 * self._heads
        query = (query * self._width**-0.5).to(self._dtype).view(pairs, 1, self._width)
        weights = query.expand(-1, blocks, -1).reshape(-1)
        scores = _summed(keys.view(-1, BLOCK), read.key_rows, read.key_bags, weights).view(pairs, -1)
        weights = scores[:, : read.place + 1].float().softmax(-1).to(self._dtype).view(-1)
        return _summed(values.view(-1, self._width), read.value_rows, read.value_bags, weights)


@dataclass(frozen=True, slots=True)
class _Read:
    """Rows of one slot's keys and values that a step reads, and where each sum of them begins."""

    place: int
    key_rows: torch.Tensor
    key_bags: torch.Tensor
    value_rows: torch.Tensor
    value_bags: torch.Tensor


def _summed(
    table: torch.Tensor, rows: torch.Tensor, bags: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Return sums of a table's rows times their weights, one for each bag."""
    out: torch.Tensor = torch.embedding_bag(table, rows, bags, False, 0, False, weights, False)[0]
    return out
