"""Attention over a quantized cache: stored keys and values, scores, weighted sums.

A thread takes a few heads through each phase together, so that what is read from memory in a phase is one
stream after another, with no calculation between them that the memory would wait for. The phases are inlined:
a call passes a cache and buffers by value, some hundred words, which takes as long as a short context.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bot.engines.musicgen.cpu.arithmetic import (
    Array,
    kernel_function,
    quantization_scale,
    softmax,
)
from bot.engines.musicgen.cpu.buffers import (
    BLOCK,
    KVCache,
    SharedBuffers,
    ThreadScratch,
    ThreadShare,
    own_part,
)
from bot.engines.musicgen.cpu.byte_product import LANES, LINE, STEP
from bot.engines.musicgen.cpu.cache_product import (
    MAX_OPERAND,
    fill_operand,
    key_products,
    store_key,
    store_value,
    value_products,
)
from bot.engines.musicgen.cpu.dot_product import prefetch_range
from bot.engines.musicgen.cpu.processor import accumulators, target_features

VECTORS = min(4, max(1, accumulators(target_features()) // 2))
"""Vectors that are multiplied at once; each has two sums where an operand is split."""
SEVERAL, ONE = (0,) * VECTORS, (0,)
GROUP = 4 * LANES
"""The cache's positions are padded to whole groups, so that keys are multiplied by whole SEVERAL."""
HEADS = 16
"""Heads that go through each phase together."""
BEGIN = 64
"""Lines of a head's values that are fetched while nothing else is."""
AHEAD = 3
"""How many heads later what is fetched of one is stored."""
BYTES, FLOATS = (0,) * LINE, (0,) * LANES
"""What is prefetched at a time: a cache line."""


@kernel_function()
def attention(
    share: ThreadShare, cache: KVCache, layer: int, slots: Array, last: Array, shared: SharedBuffers,
    scratch: ThreadScratch, stored: Array,
) -> None:  # fmt: skip
    """Fill this thread's heads of shared.attended with the attention of shared.qkv's queries over the cache.

    The arguments are those of attention.py's.
    """
    row_heads, head_bytes = cache.keys.shape[2], cache.keys[0, 0, 0].size
    width, hidden = share.head_width, scratch.x.shape[1]
    heads = hidden // width
    first_item, last_item = own_part(share, row_heads * len(slots))
    for first in range(first_item, last_item, HEADS):
        behind = min(first + HEADS, last_item)
        for item in range(first, behind):
            row, column = item // heads, item % heads * width
            if len(stored):
                number, row_head = divmod(item, row_heads)
                key = shared.qkv[row, column + hidden : column + hidden + width]
                value = shared.qkv[row, column + 2 * hidden : column + 2 * hidden + width]
                store_kv(cache, layer, slots[number], row_head, stored[number], key, value, scratch)
                prefetch_stored(cache, layer, slots, min(item + AHEAD, behind - 1), stored)
            quantize_query(item - first, shared.qkv[row, column : column + width], scratch)
        for item in range(first, behind):
            head = head_number(cache, layer, slots, item)
            following = head_number(cache, layer, slots, min(item + 1, behind - 1))
            attention_scores(
                cache, head, last[item // row_heads] + 1, width, item - first, scratch, following
            )
        for item in range(first, behind):
            number, row_head = divmod(item, row_heads)
            values = head_number(cache, layer, slots, item) * head_bytes
            lines = (last[number] // STEP + 1) * cache.values.shape[4]
            prefetch_range(cache.values, values, min(BEGIN, lines), LINE, BYTES)
            scales = cache.value_scales[layer, slots[number], row_head]
            attention_weights(scales, last[number] + 1, item - first, scratch)
        for item in range(first, behind):
            head = head_number(cache, layer, slots, item)
            following = head_number(cache, layer, slots, min(item + 1, behind - 1))
            row, column = item // heads, item % heads * width
            out = shared.attended[row, column : column + width]
            attention_output(cache, head, last[item // row_heads] + 1, item - first, scratch, out, following)


@kernel_function(inline="always")
def head_number(cache: KVCache, layer: int, slots: Array, item: int) -> Any:
    """Return the number of a head of active slots among those of all layers and slots."""
    all_slots, row_heads = cache.keys.shape[1:3]
    number, row_head = divmod(item, row_heads)
    return (layer * all_slots + slots[number]) * row_heads + row_head


@kernel_function(inline="always")
def prefetch_stored(cache: KVCache, layer: int, slots: Array, item: int, stored: Array) -> None:
    """Fetch the lines that a head's key and value are stored in."""
    head, position = head_number(cache, layer, slots, item), stored[item // cache.keys.shape[2]]
    tiles, key_steps = cache.keys.shape[3:5]
    steps, vectors = cache.values.shape[3:5]
    key = (head * tiles + position // LANES) * key_steps * LINE
    prefetch_range(cache.keys, key, key_steps, LINE, BYTES)
    prefetch_range(cache.values, (head * steps + position // STEP) * vectors * LINE, vectors, LINE, BYTES)


@kernel_function(inline="always")
def store_kv(
    cache: KVCache, layer: int, slot: int, row_head: int, position: int, key: Array, value: Array,
    scratch: ThreadScratch,
) -> None:  # fmt: skip
    """Store a head's key and value float32 [head width] in the cache."""
    _, all_slots, row_heads, tiles, key_steps, _, _ = cache.keys.shape
    steps, vectors = cache.values.shape[3:5]
    head = (layer * all_slots + slot) * row_heads + row_head
    tile, lane = divmod(position, LANES)
    step, part = divmod(position, STEP)
    padded = scratch.weighted
    copy_padded(key, padded)
    scale = quantization_scale(padded, 127)
    store_key(padded, scale, cache.keys, (head * tiles + tile) * key_steps * LINE + lane * STEP)
    cache.key_scales[layer, slot, row_head, position] = np.float32(1) / scale
    copy_padded(value, padded)
    scale = quantization_scale(padded, 127)
    store_value(padded, scale, cache.values, (head * steps + step) * vectors * LINE, part)
    cache.value_scales[layer, slot, row_head, position] = np.float32(1) / scale


@kernel_function()
def copy_padded(values: Array, out: Array) -> None:
    """Fill `out` with values, and zeros behind them."""
    for i in range(len(values)):
        out[i] = values[i]
    for i in range(len(values), len(out)):
        out[i] = 0


@kernel_function()
def max_operand(terms: int) -> int:
    """Return the largest integer of an operand: a sum of so many products with bytes fits into an int32."""
    return min(MAX_OPERAND, (2**31 - 1) // (255 * terms))


@kernel_function(inline="always")
def quantize_query(index: int, query: Array, scratch: ThreadScratch) -> None:
    """Quantize a query float32 [head width] to scratch's operand number `index`."""
    length = scratch.operand.shape[1]
    copy_padded(query, scratch.weighted)
    scale = quantization_scale(scratch.weighted, max_operand(len(query)))
    begin = fill_operand(scratch.weighted, scale, scratch.operand, index * length, length // 2)
    scratch.operand_begins[index, 0] = begin
    scratch.operand_scales[index] = scale


@kernel_function(inline="always")
def attention_scores(
    cache: KVCache, head: int, length: int, width: int, index: int, scratch: ThreadScratch, following: int
) -> None:
    """Fill scratch's scores number `index`, [:length], with query · key / √width.

    head, following: this head and the one whose keys are fetched meanwhile, as `head_number` counts them.
    """
    tiles, key_steps = cache.keys.shape[3:5]
    tile_bytes = key_steps * LINE
    operand, context = scratch.operand.shape[1], scratch.scores.shape[1]
    factor = np.float32(1) / (scratch.operand_scales[index] * np.sqrt(np.float32(width)))
    used = -(-length // LANES)
    # A last tile alone is often all that there is of the words.
    several = used - (1 if used % VECTORS == 1 else 0)
    for number in range(0, several, VECTORS):
        prefetch_range(cache.key_scales, (following * tiles + number) * LANES, VECTORS, LANES, FLOATS)
        # Those that `attention_weights` reads.
        prefetch_range(cache.value_scales, (head * tiles + number) * LANES, VECTORS, LANES, FLOATS)
        key_products(
            cache.keys, (head * tiles + number) * tile_bytes, LINE, tile_bytes, key_steps, scratch.operand,
            index * operand, operand // 2, scratch.operand_begins[index, 0], cache.keys,
            (following * tiles + number) * tile_bytes, scratch.scores, index * context + number * LANES,
            factor, cache.key_scales, (head * tiles + number) * LANES, SEVERAL,
        )  # fmt: skip
    for number in range(several, used):
        prefetch_range(cache.key_scales, (following * tiles + number) * LANES, 1, LANES, FLOATS)
        prefetch_range(cache.value_scales, (head * tiles + number) * LANES, 1, LANES, FLOATS)
        key_products(
            cache.keys, (head * tiles + number) * tile_bytes, LINE, tile_bytes, key_steps, scratch.operand,
            index * operand, operand // 2, scratch.operand_begins[index, 0], cache.keys,
            (following * tiles + number) * tile_bytes, scratch.scores, index * context + number * LANES,
            factor, cache.key_scales, (head * tiles + number) * LANES, ONE,
        )  # fmt: skip


@kernel_function(inline="always")
def attention_weights(value_scales: Array, length: int, index: int, scratch: ThreadScratch) -> None:
    """Quantize the softmax of scratch's scores number `index`, [:length], to operand number `index`."""
    scores = scratch.scores[index]
    softmax(scores[:length])
    padded = -(-length // LANES) * LANES
    scores[length:padded] = 0
    # Each position has its own scale: moved into the weight, the sum stays one product.
    for position in range(length):
        scores[position] *= value_scales[position]
    scale = quantization_scale(scores[:padded], max_operand(BLOCK))
    row = scratch.operand.shape[1]
    for start in range(0, padded, BLOCK):
        weights = scores[start : min(start + BLOCK, padded)]
        begin = fill_operand(weights, scale, scratch.operand, index * row + start, row // 2)
        scratch.operand_begins[index, start // BLOCK] = begin
    scratch.operand_scales[index] = scale


@kernel_function(inline="always")
def attention_output(
    cache: KVCache, head: int, length: int, index: int, scratch: ThreadScratch, out: Array, following: int
) -> None:
    """Fill out [head width] with the sum of the values weighted by scratch's operand number `index`.

    head, following: this head and the one whose values are fetched meanwhile, as `head_number` counts them.
    """
    steps, vectors = cache.values.shape[3:5]
    step_bytes, row = vectors * LINE, scratch.operand.shape[1]
    padded = -(-length // LANES) * LANES
    scratch.weighted[:] = 0
    whole = vectors - vectors % VECTORS
    for start in range(0, padded, BLOCK):
        count = min(BLOCK, padded - start)
        begin = scratch.operand_begins[index, start // BLOCK]
        first = (head * steps + start // STEP) * step_bytes
        # Beside each vector of values, an equal part of the next head's.
        ahead, part = (following * steps + start // STEP) * step_bytes, count // STEP * LINE
        for vector in range(0, whole, VECTORS):
            value_products(
                cache.values, first + vector * LINE, step_bytes, LINE, count // STEP, scratch.operand,
                index * row + start, row // 2, begin, cache.values, ahead + vector * part, scratch.weighted,
                vector * LANES, SEVERAL,
            )  # fmt: skip
        for vector in range(whole, vectors):
            value_products(
                cache.values, first + vector * LINE, step_bytes, LINE, count // STEP, scratch.operand,
                index * row + start, row // 2, begin, cache.values, ahead + vector * part, scratch.weighted,
                vector * LANES, ONE,
            )  # fmt: skip
    for channel in range(len(out)):
        out[channel] = scratch.weighted[channel] / scratch.operand_scales[index]
