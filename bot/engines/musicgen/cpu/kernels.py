"""The CPU decode step: the transformer as loops over numpy arrays, compiled by numba into one function.

Activation rows come in pairs for classifier-free guidance: a slot's conditional row, then its unconditional
row. Every thread runs the whole step: it computes its share of each matrix product's output columns and of
the attention heads, waits at a barrier, and repeats the cheap rest (norms, residuals) for itself. No sum is
split across threads, so the result does not depend on their number. numba compiles the step once for each
precision and caches the machine code beside this file.
"""

from __future__ import annotations

from typing import Any, NamedTuple

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
from bot.engines.musicgen.cpu.dot_product import CHUNK, INTERLEAVED, barrier, dot_products
from bot.engines.musicgen.cpu.processor import stored_rows, target_features

BLOCK = 128
"""Cache positions of a block of values; inside a block they are contiguous for each channel (transposed)."""
# Tuples whose length tells numba, at compile time, how many rows a product takes: of activations, and stored.
ONE, TWO, FOUR = (0,), (0, 0), (0, 0, 0, 0)
BY_ONE, BY_TWO, BY_FOUR = (
    (0,) * stored_rows(len(rows), target_features(), INTERLEAVED) for rows in (ONE, TWO, FOUR)
)


class Matrix(NamedTuple):
    """One weight matrix of every layer.

    values: [layers, tiles, chunks, INTERLEAVED, CHUNK] in a storage dtype of dot_product.py: a tile holds
    INTERLEAVED rows [in], chunk by chunk, so that the rows multiplied at once are one stream from memory;
    rows and columns are zero-padded to whole tiles and chunks.
    scales: float32 [layers, padded out], quantization scale of each row; ones where not int8.
    """

    values: Array
    scales: Array


class WeightArrays(NamedTuple):
    """The transformer's weights.

    norms: float32 [layers, 3, 2, hidden]: before self-attention, cross-attention, feed-forward; weight, bias.
    last_norm: float32 [2, hidden].  The cross-attention matrices have 0 layers in a prefix model.
    """

    norms: Array
    qkv: Matrix
    self_out: Matrix
    cross_query: Matrix
    cross_out: Matrix
    feed_in: Matrix
    feed_out: Matrix
    last_norm: Array
    heads: Matrix


class KVCache(NamedTuple):
    """Keys and values of all slots; `row_heads` counts the heads of all of a slot's activation rows.

    keys: [layers, slots, row_heads, positions, head width], the width zero-padded to CHUNK.
    values: [layers, slots, row_heads, blocks, head width, BLOCK].
    key_scales, value_scales: float32 [layers, slots, row_heads, positions], quantization scales (int8 only).
    """

    keys: Array
    values: Array
    key_scales: Array
    value_scales: Array


class SharedBuffers(NamedTuple):
    """Buffers that all threads of a step read and write; float32, for the most rows there can be.

    qkv: [rows, 3 · hidden].  attended, projected: [rows, hidden], and feed_forward: [rows, feed-forward],
    zero-padded to CHUNK.  logits: [rows, codebooks · vocabulary].  barrier_state: int64 [2], for `barrier`.
    """

    qkv: Array
    attended: Array
    projected: Array
    feed_forward: Array
    logits: Array
    barrier_state: Array


class ThreadScratch(NamedTuple):
    """Buffers of one thread.

    x, normalized: float32 [rows, hidden], normalized zero-padded to CHUNK.  scores: float32 [positions].
    activations [rows, widest input and more], query [head width], probabilities [positions]: in the dtype
    that dot_product.py multiplies with weights and cache.  scales: float32 [rows], of activations.
    """

    x: Array
    normalized: Array
    activations: Array
    scales: Array
    query: Array
    probabilities: Array
    scores: Array


class ThreadShare(NamedTuple):
    """Index of a thread, number of threads, number of active rows, and whether weights and cache are int8."""

    thread: int
    threads: int
    rows: int
    is_int8: bool


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
def own_part(share: ThreadShare, count: int) -> tuple[int, int]:
    """Return the first of `count` items that are this thread's, and the first that is no longer."""
    return share.thread * count // share.threads, (share.thread + 1) * count // share.threads


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
def matmul(
    share: ThreadShare, matrix: Matrix, layer: int, x: Array, rows: int, out: Array, scratch: ThreadScratch
) -> None:
    """Fill this thread's columns of out [rows, out] with x [rows, in] times a layer's matrix, transposed."""
    _, tiles, chunks, _, _ = matrix.values.shape
    length = chunks * CHUNK
    max_value = max_activation(length) if share.is_int8 else 0
    for row in range(rows):
        scratch.scales[row] = quantize(x[row, :length], max_value, scratch.activations[row, :length])
    first_tile, last_tile = own_part(share, tiles)
    for tile in range(first_tile, last_tile):
        for row in range(0, rows - rows % 4, 4):
            dot_tile(matrix, layer, tile, scratch, row, out, BY_FOUR, FOUR)
        for row in range(rows - rows % 4, rows - rows % 2, 2):
            dot_tile(matrix, layer, tile, scratch, row, out, BY_TWO, TWO)
        for row in range(rows - rows % 2, rows):
            dot_tile(matrix, layer, tile, scratch, row, out, BY_ONE, ONE)


@kernel_function()
def dot_tile(
    matrix: Matrix, layer: int, tile: int, scratch: ThreadScratch, row: int, out: Array,
    outputs: tuple[int, ...], rows: tuple[int, ...],
) -> None:  # fmt: skip
    """Fill a tile's outputs of len(rows) rows from `row` on, len(outputs) at a time."""
    _, tiles, chunks, interleaved, _ = matrix.values.shape
    start, stride = (layer * tiles + tile) * chunks * interleaved * CHUNK, scratch.activations.shape[1]
    for first in range(0, interleaved, len(outputs)):
        sums = dot_products(
            matrix.values, start + first * CHUNK, CHUNK, interleaved * CHUNK, scratch.activations,
            row * stride, stride, chunks * CHUNK, outputs, rows,
        )  # fmt: skip
        for i in range(len(outputs)):
            output = tile * interleaved + first + i
            for j in range(len(rows)):
                scale = scratch.scales[row + j] * matrix.scales[layer, output]
                out[row + j, output] = sums[i * len(rows) + j] * scale


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
        attention_weights(cache, layer, slots[number], row_head, length, scale, scratch, share.is_int8)
        attention_output(
            cache, layer, slots[number], row_head, length, scratch, share.is_int8,
            shared.attended[row, column : column + width],
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
    for position in range(0, length, len(BY_ONE)):
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
    is_int8: bool, out: Array,
) -> None:  # fmt: skip
    """Fill out [head width] with the sum of the values weighted by scratch.scores[:length]."""
    _, all_slots, row_heads, blocks, width, _ = cache.values.shape
    scores, padded = scratch.scores, -(-length // CHUNK) * CHUNK
    scores[length:padded] = 0
    if is_int8:
        # Each position has its own scale: moved into the weight, the sum stays one dot product.
        scores[:length] *= cache.value_scales[layer, slot, row_head, :length]
    max_value = max_activation(BLOCK) if is_int8 else 0
    scale = quantize(scores[:padded], max_value, scratch.probabilities[:padded])
    first = ((layer * all_slots + slot) * row_heads + row_head) * blocks
    out[:] = 0
    # Block by block: an int32 holds the exact sum of BLOCK products, floats add up the blocks.
    for start in range(0, padded, BLOCK):
        for channel in range(0, width, len(BY_ONE)):
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
    for row in range(share.rows):
        gelu_in_place(x[row, first * INTERLEAVED : last * INTERLEAVED])
