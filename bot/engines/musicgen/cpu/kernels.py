"""The CPU decode step: the transformer as loops over numpy arrays, compiled by numba into one function.

Activation rows come in pairs for classifier-free guidance: a slot's conditional row, then its unconditional
row. Every thread runs the whole step: it computes its share of each matrix product's output columns and of
the attention heads, waits at a barrier, and repeats the cheap rest (norms, residuals) for itself. No sum is
split across threads, so the result does not depend on their number. numba compiles the step once for each
precision and caches the machine code beside this file.
"""

from __future__ import annotations

import numpy as np

from bot.engines.musicgen.cpu.arithmetic import (
    Array,
    gelu_in_place,
    kernel_function,
    reduce_sum,
    squared_deviations,
)
from bot.engines.musicgen.cpu.attention import attention
from bot.engines.musicgen.cpu.buffers import (
    Activations,
    KVCache,
    SharedBuffers,
    ThreadScratch,
    ThreadShare,
    WeightArrays,
    own_part,
)
from bot.engines.musicgen.cpu.dot_product import barrier
from bot.engines.musicgen.cpu.matmul import convert, matmul, multiply


@kernel_function()
def step(
    share: ThreadShare, weights: WeightArrays, self_kv: KVCache, cross_kv: KVCache, slots: Array,
    positions: Array, last_texts: Array, shared: SharedBuffers, scratch: ThreadScratch,
) -> None:  # fmt: skip
    """Run scratch.x, the same embedded rows in every thread, through the transformer to shared.logits.

    slots, positions, last_texts: int64 [rows / 2]: index in the cache, position of this step, and position of
    the last text state of each active slot.
    """
    rows, conditional = share.rows, share.rows // 2
    for layer in range(len(weights.norms)):
        layer_norm(scratch, rows, rows, weights.norms[layer, 0])
        matmul(share, weights.qkv, layer, scratch.normalized, rows, shared.qkv, scratch)
        barrier(shared.barrier_state, share.threads)
        attention(share, self_kv, layer, slots, positions, shared, scratch, positions)
        barrier(shared.barrier_state, share.threads)
        matmul(share, weights.self_out, layer, shared.attended, rows, shared.projected, scratch)
        barrier(shared.barrier_state, share.threads)
        add_residual(scratch.x, rows, rows, shared.projected)
        if len(weights.cross_query.values):
            # The unconditional row has no text: its cross-attention output is zero and is not computed.
            layer_norm(scratch, rows, conditional, weights.norms[layer, 1])
            matmul(share, weights.cross_query, layer, scratch.normalized, conditional, shared.qkv, scratch)
            barrier(shared.barrier_state, share.threads)
            attention(share, cross_kv, layer, slots, last_texts, shared, scratch, slots[:0])
            barrier(shared.barrier_state, share.threads)
            matmul(share, weights.cross_out, layer, shared.attended, conditional, shared.projected, scratch)
            barrier(shared.barrier_state, share.threads)
            add_residual(scratch.x, rows, conditional, shared.projected)
        layer_norm(scratch, rows, rows, weights.norms[layer, 2])
        matmul(share, weights.feed_in, layer, scratch.normalized, rows, scratch.feed_forward, scratch)
        share_feed_forward(share, weights, scratch.feed_forward, shared.feed_forward)
        barrier(shared.barrier_state, share.threads)
        multiply(share, weights.feed_out, layer, shared.feed_forward, rows, shared.projected)
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
        target = x[row * (rows // count)]
        for i in range(x.shape[1]):
            target[i] += projected[row, i]


@kernel_function()
def share_feed_forward(share: ThreadShare, weights: WeightArrays, x: Array, out: Activations) -> None:
    """Fill the columns of out that this thread's `matmul` made in x with their GELU.

    So each is converted once, and what a processor's core fetches from another's is a quarter in int8.
    """
    first, last = own_part(share, weights.feed_in.values.shape[1])
    tile = weights.feed_in.scales.shape[-1]
    for row in range(share.rows):
        gelu_in_place(x[row, first * tile : last * tile])
    convert(weights.feed_out, x, share.rows, first * tile, last * tile, out)
