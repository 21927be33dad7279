"""Attention of one head over a quantized cache: stored keys and values, scores, weighted sum."""

from __future__ import annotations

import numpy as np

from bot.engines.musicgen.cpu.arithmetic import Array, kernel_function, quantization_scale
from bot.engines.musicgen.cpu.buffers import BLOCK, KVCache, ThreadScratch
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
PIECE = (0,) * LINE
"""What is prefetched at a time."""


@kernel_function()
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
    padded = scratch.scores[: vectors * LANES]
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


@kernel_function()
def attention_scores(
    cache: KVCache, layer: int, slot: int, row_head: int, length: int, query: Array, scratch: ThreadScratch
) -> None:
    """Fill scratch.scores[:length] with query · key / √width, for a query float32 [head width]."""
    _, all_slots, row_heads, tiles, key_steps, _, _ = cache.keys.shape
    steps, vectors = cache.values.shape[3:5]
    padded, low = scratch.scores[: vectors * LANES], len(scratch.operand) // 2
    copy_padded(query, padded)
    scale = quantization_scale(padded, max_operand(len(query)))
    begin = fill_operand(padded, scale, scratch.operand, 0, low)
    head = (layer * all_slots + slot) * row_heads + row_head
    tile_bytes = key_steps * LINE
    first, first_value = head * tiles * tile_bytes, head * steps * vectors * LINE
    factor = np.float32(1) / (scale * np.sqrt(np.float32(len(query))))
    for number in range(0, -(-length // LANES), VECTORS):
        # The values are read next, as many as keys are multiplied.
        key_products(
            cache.keys, first + number * tile_bytes, LINE, tile_bytes, key_steps, scratch.operand, 0, low,
            begin, cache.values, first_value + number * tile_bytes, scratch.scores, number * LANES, factor,
            cache.key_scales, (head * tiles + number) * LANES, SEVERAL,
        )  # fmt: skip


@kernel_function()
def attention_output(
    cache: KVCache, layer: int, slot: int, row_head: int, length: int, scratch: ThreadScratch, out: Array,
    following: tuple[int, int],
) -> None:  # fmt: skip
    """Fill out [head width] with the sum of the values weighted by scratch.scores[:length].

    following: the next head that this thread attends to, counted over all slots, and its last position: its
    keys are fetched meanwhile.
    """
    _, all_slots, row_heads, steps, vectors, _, _ = cache.values.shape
    tiles, key_steps = cache.keys.shape[3:5]
    head = (layer * all_slots + slot) * row_heads + row_head
    next_head = layer * all_slots * row_heads + following[0]
    scores, low, step_bytes = scratch.scores, len(scratch.operand) // 2, vectors * LINE
    # Where the next head stores its value.
    prefetch_range(
        cache.values, (next_head * steps + following[1] // STEP) * step_bytes, vectors, LINE, PIECE
    )
    padded = -(-length // LANES) * LANES
    scores[length:padded] = 0
    # Each position has its own scale: moved into the weight, the sum stays one product.
    value_scales = cache.value_scales[layer, slot, row_head]
    for position in range(length):
        scores[position] *= value_scales[position]
    scale = quantization_scale(scores[:padded], max_operand(BLOCK))
    scratch.weighted[:] = 0
    whole = vectors - vectors % VECTORS
    for start in range(0, padded, BLOCK):
        count = min(BLOCK, padded - start)
        begin = fill_operand(scores[start : start + count], scale, scratch.operand, start, low)
        first = (head * steps + start // STEP) * step_bytes
        # Beside each vector of values, an equal part of the next head's keys.
        next_key, part = (next_head * tiles + start // LANES) * key_steps * LINE, count // STEP * LINE
        for vector in range(0, whole, VECTORS):
            value_products(
                cache.values, first + vector * LINE, step_bytes, LINE, count // STEP, scratch.operand, start,
                low, begin, cache.keys, next_key + vector * part, scratch.weighted, vector * LANES, SEVERAL,
            )  # fmt: skip
        for vector in range(whole, vectors):
            value_products(
                cache.values, first + vector * LINE, step_bytes, LINE, count // STEP, scratch.operand, start,
                low, begin, cache.keys, next_key + vector * part, scratch.weighted, vector * LANES, ONE,
            )  # fmt: skip
    for channel in range(len(out)):
        out[channel] = scratch.weighted[channel] / scale
