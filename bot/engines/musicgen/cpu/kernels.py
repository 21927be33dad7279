"""The CPU decode step: the transformer as loops over numpy arrays, compiled by numba into one function.

Activation rows come in pairs for classifier-free guidance: a slot's conditional row, then its unconditional
row. Every thread runs the whole step: it computes its share of each matrix product's output columns and of
the attention heads, waits at a barrier, and repeats the cheap rest (norms, residuals) for itself. No sum is
split across threads, so the result does not depend on their number. numba compiles the step once for each
precision and caches the machine code beside this file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from bot.engines.musicgen.cpu.arithmetic import (
    LOG2_E,
    MAX_FLOAT32,
    Array,
    exp2,
    gelu_in_place,
    kernel_function,
    max_abs,
    max_activation,
    maximum,
    quantize,
    reduce_sum,
    squared_deviations,
)
from bot.engines.musicgen.cpu.buffers import (
    BLOCK,
    KVCache,
    Matrix,
    SharedBuffers,
    ThreadScratch,
    ThreadShare,
    WeightArrays,
    own_part,
)
from bot.engines.musicgen.cpu.dot_product import CHUNK, barrier, dot_products, prefetch_range
from bot.engines.musicgen.cpu.matmul import BY_ONE, ONE, matmul

PIECE = (0,) * CHUNK
"""What is prefetched at a time."""


@njit(cache=True, nogil=True, error_model="numpy")
def step(
    share: ThreadShare, weights: WeightArrays, self_kv: KVCache, cross_kv: KVCache, slots: Array,
    positions: Array, text_lengths: Array, shared: SharedBuffers, scratch: ThreadScratch,
) -> None:  # fmt: skip
    """Run scratch.x, the same embedded rows in every thread, through the transformer to shared.logits.

    slots, positions, text_lengths: int64 [rows / 2]: index in the cache, position of this step, and number
    of text states of each active slot.
    """
    rows, conditional = share.rows, share.rows // 2
    heads = scratch.x.shape[1] // self_kv.values.shape[4]
    for layer in range(len(weights.norms)):
        layer_norm(scratch, rows, rows, weights.norms[layer, 0])
        matmul(share, weights.qkv, layer, scratch.normalized, rows, shared.qkv, scratch)
        barrier(shared.barrier_state, share.threads)
        attention(share, self_kv, layer, slots, positions, shared, scratch, heads, positions)
        barrier(shared.barrier_state, share.threads)
        matmul(share, weights.self_out, layer, shared.attended, rows, shared.projected, scratch)
        barrier(shared.barrier_state, share.threads)
        add_residual(scratch.x, rows, rows, shared.projected)
        if len(weights.cross_query.values):
            # The unconditional row has no text: its cross-attention output is zero and is not computed.
            layer_norm(scratch, rows, conditional, weights.norms[layer, 1])
            matmul(share, weights.cross_query, layer, scratch.normalized, conditional, shared.qkv, scratch)
            barrier(shared.barrier_state, share.threads)
            attention(share, cross_kv, layer, slots, text_lengths - 1, shared, scratch, heads, slots[:0])
            barrier(shared.barrier_state, share.threads)
            matmul(share, weights.cross_out, layer, shared.attended, conditional, shared.projected, scratch)
            barrier(shared.barrier_state, share.threads)
            add_residual(scratch.x, rows, conditional, shared.projected)
        layer_norm(scratch, rows, rows, weights.norms[layer, 2])
        matmul(share, weights.feed_in, layer, scratch.normalized, rows, shared.feed_forward, scratch)
        gelu_columns(share, shared.feed_forward, weights.feed_in)
        barrier(shared.barrier_state, share.threads)
        matmul(share, weights.feed_out, layer, shared.feed_forward, rows, shared.projected, scratch)
        barrier(shared.barrier_state, share.threads)
        add_residual(scratch.x, rows, rows, shared.projected)
    layer_norm(scratch, rows, rows, weights.last_norm)
    last = len(weights.heads.values) - 1
    matmul(share, weights.heads, last, scratch.normalized, rows, shared.logits, scratch)


@kernel_function()
def layer_norm(scratch: ThreadScratch, rows: int, count: int, weight_bias: Array) -> None:
    """Fill scratch.normalized with the layer norm of `count` rows of x: all, or every other one.

    Epsilon is 1e-5, as in audiocraft and transformers.
    """
    width = scratch.x.shape[1]
    for row in range(count):
        x, out = scratch.x[row * (rows // count)], scratch.normalized[row]
        mean = reduce_sum(x) / np.float32(width)
        variance = squared_deviations(x, mean) / np.float32(width)
        scale = np.float32(1) / np.sqrt(variance + np.float32(1e-5))
        for i in range(width):
            out[i] = (x[i] - mean) * scale * weight_bias[0, i] + weight_bias[1, i]


@kernel_function()
def add_residual(x: Array, rows: int, count: int, projected: Array) -> None:
    """Add `count` projected rows to all rows of x, or to every other one."""
    for row in range(count):
        x[row * (rows // count)] += projected[row, : x.shape[1]]


@kernel_function()
def attention(
    share: ThreadShare, cache: KVCache, layer: int, slots: Array, last: Array, shared: SharedBuffers,
    scratch: ThreadScratch, heads: int, stored: Array,
) -> None:  # fmt: skip
    """Fill this thread's heads of shared.attended with the attention of shared.qkv's queries over the cache.

    last: int64 [slots], the last position that each slot attends to.
    stored: the same, where the keys and values in qkv are to be stored there first; else empty.
    """
    row_heads, width = cache.values.shape[2], cache.values.shape[4]
    first_item, last_item = own_part(share, row_heads * len(slots))
    for item in range(first_item, last_item):
        number, row_head = divmod(item, row_heads)
        row, column = item // heads, item % heads * width
        if len(stored):
            store_kv(
                cache, layer, slots[number], row_head, stored[number], shared.qkv[row], column,
                heads * width, share.is_int8,
            )  # fmt: skip
        query = shared.qkv[row, column : column + width]
        scale = quantize(query, max_activation(width) if share.is_int8 else 0, scratch.query[:width])
        length = last[number] + 1
        next_number, next_head = divmod(min(item + 1, last_item - 1), row_heads)
        following = slots[next_number] * row_heads + next_head, last[next_number]
        attention_weights(cache, layer, slots[number], row_head, length, scale, scratch, share.is_int8)
        attention_output(
            cache, layer, slots[number], row_head, length, scratch, share.is_int8,
            shared.attended[row, column : column + width], following,
        )  # fmt: skip


@kernel_function()
def store_kv(
    cache: KVCache, layer: int, slot: int, row_head: int, position: int, qkv: Array, column: int,
    hidden: int, is_int8: bool,
) -> None:  # fmt: skip
    """Store a head's key and value from a row qkv [3 · hidden] in the cache."""
    width, max_value = cache.values.shape[4], 127 if is_int8 else 0
    block, offset = divmod(position, BLOCK)
    values = cache.values[layer, slot, row_head, block]
    if offset % CHUNK == 0:
        # attention_output reads whole chunks, with weight 0 past the end: 0 · NaN of an earlier clip is NaN.
        values[:, offset : offset + CHUNK] = 0
    key = qkv[column + hidden : column + hidden + width]
    value = qkv[column + 2 * hidden : column + 2 * hidden + width]
    key_scale = quantize(key, max_value, cache.keys[layer, slot, row_head, position, :width])
    value_scale = quantize(value, max_value, values[:, offset])
    if is_int8:
        cache.key_scales[layer, slot, row_head, position] = key_scale
        cache.value_scales[layer, slot, row_head, position] = value_scale


@kernel_function()
def attention_weights(
    cache: KVCache, layer: int, slot: int, row_head: int, length: int, scale: Any, scratch: ThreadScratch,
    is_int8: bool,
) -> None:  # fmt: skip
    """Fill scratch.scores[:length] with softmax(query · key / √width); scale: of the quantized query."""
    _, all_slots, row_heads, positions, width = cache.keys.shape
    factor = scale / np.sqrt(np.float32(cache.values.shape[4]))
    first = ((layer * all_slots + slot) * row_heads + row_head) * positions
    scores = scratch.scores[:length]
    blocks, channels = cache.values.shape[3:5]
    first_value = ((layer * all_slots + slot) * row_heads + row_head) * blocks * channels * BLOCK
    for position in range(0, length, len(BY_ONE)):
        # The values are read next: as many of them are fetched as keys are multiplied.
        prefetch_range(
            cache.values, first_value + position * channels, len(BY_ONE) * channels // CHUNK, CHUNK, PIECE
        )
        # The last products may be of positions past the end, which scratch.scores has room for.
        products = dot_products(
            cache.keys, (first + position) * width, width, CHUNK, scratch.query, 0, 0, width, BY_ONE, ONE
        )
        for i in range(len(BY_ONE)):
            scratch.scores[position + i] = products[i] * factor
    if is_int8:
        scores *= cache.key_scales[layer, slot, row_head, :length]
    if not max_abs(scores) <= MAX_FLOAT32:
        # The comparisons of `maximum` and `exp2` would hide a NaN.
        scores[:] = np.nan
        return
    highest = maximum(scores)
    for position in range(length):
        scores[position] = exp2((scores[position] - highest) * LOG2_E)
    scores /= reduce_sum(scores)


@kernel_function()
def attention_output(
    cache: KVCache, layer: int, slot: int, row_head: int, length: int, scratch: ThreadScratch,
    is_int8: bool, out: Array, following: tuple[int, int],
) -> None:  # fmt: skip
    """Fill out [head width] with the sum of the values weighted by scratch.scores[:length].

    following: the next head that this thread attends to, counted over all slots, and its last position. Its
    keys and the place of its new value are fetched meanwhile.
    """
    _, all_slots, row_heads, blocks, width, _ = cache.values.shape
    scores, padded = scratch.scores, -(-length // CHUNK) * CHUNK
    scores[length:padded] = 0
    if is_int8:
        # Each position has its own scale: moved into the weight, the sum stays one dot product.
        scores[:length] *= cache.value_scales[layer, slot, row_head, :length]
    max_value = max_activation(BLOCK) if is_int8 else 0
    scale = quantize(scores[:padded], max_value, scratch.probabilities[:padded])
    first = ((layer * all_slots + slot) * row_heads + row_head) * blocks
    next_head = layer * all_slots * row_heads + following[0]
    positions, key_width = cache.keys.shape[3:]
    next_key = next_head * positions * key_width
    next_block, next_offset = divmod(following[1], BLOCK)
    next_value = (next_head * blocks + next_block) * width * BLOCK + next_offset
    out[:] = 0
    # Block by block: an int32 holds the exact sum of BLOCK products, floats add up the blocks.
    for start in range(0, padded, BLOCK):
        for channel in range(0, width, len(BY_ONE)):
            prefetch_range(
                cache.keys, next_key + start * key_width + channel * BLOCK,
                len(BY_ONE) * min(BLOCK, padded - start) // CHUNK, CHUNK, PIECE,
            )  # fmt: skip
            if start == 0:
                prefetch_range(cache.values, next_value + channel * BLOCK, len(BY_ONE), BLOCK, ONE)
            products = dot_products(
                cache.values, ((first + start // BLOCK) * width + channel) * BLOCK, BLOCK, CHUNK,
                scratch.probabilities, start, 0, min(BLOCK, padded - start), BY_ONE, ONE,
            )  # fmt: skip
            for i in range(len(BY_ONE)):
                out[channel + i] += np.float32(products[i])
    out *= scale


@kernel_function()
def gelu_columns(share: ThreadShare, x: Array, matrix: Matrix) -> None:
    """Replace the columns of x that this thread's `matmul` with a matrix fills by their GELU."""
    first, last = own_part(share, matrix.values.shape[1])
    tile = matrix.scales.shape[-1]
    for row in range(share.rows):
        gelu_in_place(x[row, first * tile : last * tile])
