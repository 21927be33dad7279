"""Attention of single positions over the cache, in the form of the cache: floats or quantized."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import types
from numba.extending import overload

from bot.engines.musicgen.cpu import quantized_attention
from bot.engines.musicgen.cpu.arithmetic import Array, cast_values, kernel_function, softmax
from bot.engines.musicgen.cpu.buffers import (
    BLOCK,
    KVCache,
    SharedBuffers,
    ThreadScratch,
    ThreadShare,
    own_part,
)
from bot.engines.musicgen.cpu.dot_product import CHUNK, dot_products, prefetch_range
from bot.engines.musicgen.cpu.matmul import BY_ONE, ONE

PIECE = (0,) * CHUNK
"""What is prefetched at a time."""


def attention(
    share: ThreadShare, cache: KVCache, layer: int, slots: Array, last: Array, shared: SharedBuffers,
    scratch: ThreadScratch, stored: Array,
) -> None:  # fmt: skip
    """Fill this thread's heads of shared.attended with the attention of shared.qkv's queries over the cache.

    last: int64 [slots], the last position that each slot attends to.
    stored: the same, where the keys and values in qkv are to be stored there first; else empty.
    """
    raise TypeError("attention is for compiled functions")


@overload(attention, jit_options={"error_model": "numpy", "_nrt": False})
def _attention_for(
    share: ThreadShare, cache: KVCache, layer: int, slots: Array, last: Array, shared: SharedBuffers,
    scratch: ThreadScratch, stored: Array,
) -> Callable[..., None]:  # fmt: skip
    """Return the form of `attention` by the cache; the arguments are numba's types, not values."""
    kind: Any = cache
    is_quantized = kind.types[0].dtype == types.uint8
    form: Callable[..., None] = (quantized_attention.attention if is_quantized else _of_floats).py_func
    return form


@kernel_function()
def _of_floats(
    share: ThreadShare, cache: KVCache, layer: int, slots: Array, last: Array, shared: SharedBuffers,
    scratch: ThreadScratch, stored: Array,
) -> None:  # fmt: skip
    """Fill this thread's heads of shared.attended with the attention of shared.qkv's queries over the cache.

    last: int64 [slots], the last position that each slot attends to.
    stored: the same, where the keys and values in qkv are to be stored there first; else empty.
    """
    row_heads, width = cache.keys.shape[2], share.head_width
    hidden = scratch.x.shape[1]
    heads = hidden // width
    first_item, last_item = own_part(share, row_heads * len(slots))
    for item in range(first_item, last_item):
        number, row_head = divmod(item, row_heads)
        row, column = item // heads, item % heads * width
        if len(stored):
            key = shared.qkv[row, column + hidden : column + hidden + width]
            value = shared.qkv[row, column + 2 * hidden : column + 2 * hidden + width]
            _store_floats(cache, layer, slots[number], row_head, stored[number], key, value, scratch)
        query = shared.qkv[row, column : column + width]
        length = last[number] + 1
        next_number, next_head = divmod(min(item + 1, last_item - 1), row_heads)
        following = slots[next_number] * row_heads + next_head, last[next_number]
        _scores_of_floats(cache, layer, slots[number], row_head, length, query, scratch)
        softmax(scratch.scores[0, :length])
        _output_of_floats(
            cache, layer, slots[number], row_head, length, scratch,
            shared.attended[row, column : column + width], following,
        )  # fmt: skip


@kernel_function()
def _store_floats(
    cache: KVCache, layer: int, slot: int, row_head: int, position: int, key: Array, value: Array,
    scratch: ThreadScratch,
) -> None:  # fmt: skip
    block, offset = divmod(position, BLOCK)
    values = cache.values[layer, slot, row_head, block]
    if offset % CHUNK == 0:
        # The output reads whole chunks, with weight 0 past the end: 0 · NaN of an earlier clip is NaN.
        values[:, offset : offset + CHUNK] = 0
    cast_values(key, cache.keys[layer, slot, row_head, position, : len(key)])
    cast_values(value, values[:, offset])


@kernel_function()
def _scores_of_floats(
    cache: KVCache, layer: int, slot: int, row_head: int, length: int, query: Array, scratch: ThreadScratch
) -> None:
    _, all_slots, row_heads, positions, width = cache.keys.shape
    scratch.operand[0, :width] = 0
    cast_values(query, scratch.operand[0, : len(query)])
    factor = np.float32(1) / np.sqrt(np.float32(len(query)))
    head = (layer * all_slots + slot) * row_heads + row_head
    blocks, channels = cache.values.shape[3:5]
    first, first_value = head * positions, head * blocks * channels * BLOCK
    for position in range(0, length, len(BY_ONE)):
        # The values are read next: as many of them are fetched as keys are multiplied.
        prefetch_range(
            cache.values, first_value + position * channels, len(BY_ONE) * channels // CHUNK, CHUNK, PIECE
        )
        # The last products may be of positions past the end, which scratch.scores has room for.
        products = dot_products(
            cache.keys, (first + position) * width, width, CHUNK, scratch.operand, 0, 0, width, BY_ONE, ONE
        )
        for i in range(len(BY_ONE)):
            scratch.scores[0, position + i] = products[i] * factor


@kernel_function()
def _output_of_floats(
    cache: KVCache, layer: int, slot: int, row_head: int, length: int, scratch: ThreadScratch, out: Array,
    following: tuple[int, int],
) -> None:  # fmt: skip
    _, all_slots, row_heads, blocks, width, _ = cache.values.shape
    padded = -(-length // CHUNK) * CHUNK
    scratch.scores[0, length:padded] = 0
    cast_values(scratch.scores[0, :padded], scratch.operand[0, :padded])
    first = ((layer * all_slots + slot) * row_heads + row_head) * blocks
    next_head = layer * all_slots * row_heads + following[0]
    positions, key_width = cache.keys.shape[3:]
    next_key = next_head * positions * key_width
    next_block, next_offset = divmod(following[1], BLOCK)
    next_value = (next_head * blocks + next_block) * width * BLOCK + next_offset
    out[:] = 0
    for start in range(0, padded, BLOCK):
        for channel in range(0, width, len(BY_ONE)):
            prefetch_range(
                cache.keys, next_key + start * key_width + channel * BLOCK,
                len(BY_ONE) * min(BLOCK, padded - start) // CHUNK, CHUNK, PIECE,
            )  # fmt: skip
            if start == 0:
                # Where the next head stores its value.
                prefetch_range(cache.values, next_value + channel * BLOCK, len(BY_ONE), BLOCK, ONE)
            products = dot_products(
                cache.values, ((first + start // BLOCK) * width + channel) * BLOCK, BLOCK, CHUNK,
                scratch.operand, start, 0, min(BLOCK, padded - start), BY_ONE, ONE,
            )  # fmt: skip
            for i in range(len(BY_ONE)):
                out[channel + i] += products[i]
