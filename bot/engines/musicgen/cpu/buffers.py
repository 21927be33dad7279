"""What the CPU kernels read and write: weights, cache, buffers, and a thread's share of the work."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bot.engines.musicgen.cpu.arithmetic import Array, kernel_function
from bot.engines.musicgen.cpu.dot_product import CACHE_LINE

BLOCK = 128
"""Cache positions whose weighted values are summed at once, in int32 exactly; floats add up the blocks.

In a cache of floats the positions of a block are contiguous for each channel (transposed).
"""


class Matrix(NamedTuple):
    """One weight matrix of every layer, in a form of packing.py.

    values: [layers, tiles, chunks, …]: a tile holds a few rows [in], chunk by chunk, so that the rows that
    are multiplied at once are one stream from memory; rows and columns are zero-padded to whole tiles and
    chunks.
    scales: [layers, tiles, …, rows of a tile]: quantization scales, ones where the values are floats.
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

    Of floats:
    keys: [layers, slots, row_heads, positions, head width], the width zero-padded to CHUNK.
    values: [layers, slots, row_heads, blocks, head width, BLOCK].

    Quantized, as byte_product.py multiplies them, each number as an unsigned byte, ZERO_POINT for 0:
    keys: [layers, slots, row_heads, positions / LANES, head width / STEP, LANES, STEP].
    values: [layers, slots, row_heads, positions / STEP, head width / LANES, LANES, STEP].

    key_scales, value_scales: float32 [layers, slots, row_heads, positions], quantization scales; of floats
    [1, 1, 1, 1].
    """

    keys: Array
    values: Array
    key_scales: Array
    value_scales: Array


class Activations(NamedTuple):
    """Rows in the form in which they are multiplied with weights.

    values: [rows, input and more], zero-padded to CHUNK, in the dtype that is multiplied.
    factors: float32, and corrections: int32 [rows, chunks], of quantized values.
    """

    values: Array
    factors: Array
    corrections: Array


class SharedBuffers(NamedTuple):
    """Buffers that all threads of a step read and write; float32, for the most rows there can be.

    qkv: [rows, 3 · hidden].  attended, projected: [rows, hidden], zero-padded to CHUNK.
    feed_forward: the middle of the feed-forward, as the next matrix reads it.
    logits: [rows, codebooks · vocabulary].  barrier_state: int64 [2], for `barrier`.
    """

    qkv: Array
    attended: Array
    projected: Array
    feed_forward: Activations
    logits: Array
    barrier_state: Array


class ThreadScratch(NamedTuple):
    """Buffers of one thread.

    x, normalized: float32 [rows, hidden], normalized zero-padded to CHUNK.
    feed_forward: float32 [rows, feed-forward], of which the thread fills its own columns.
    activations: of up to the widest input.
    scores: float32 [heads, positions], of so many heads as go through attention together.
    operand: [heads, 2 · positions], a query [head width] or probabilities [positions] of each head, in the
    dtype that is multiplied with the cache; of a quantized cache high parts, then low parts.
    operand_scales: float32 [heads].  operand_begins: int32 [heads, blocks], what `fill_operand` returned.
    weighted: float32 [head width], of one head of a quantized cache.
    """

    x: Array
    normalized: Array
    feed_forward: Array
    activations: Activations
    scores: Array
    operand: Array
    operand_scales: Array
    operand_begins: Array
    weighted: Array


class ThreadShare(NamedTuple):
    """Index of a thread, number of threads, number of active rows, and channels of a head."""

    thread: int
    threads: int
    rows: int
    head_width: int


def zeros(dtype: npt.DTypeLike, *shape: int) -> Array:
    """Return zeros from the beginning of a cache line on, so that a vector of the kernels is one line.

    numpy alone begins 16 bytes behind it: each vector lay in two lines, and products took up to 10 % longer.
    numpy asks the system for huge pages, and pages are mapped when they are written.
    """
    count = math.prod(shape) * np.dtype(dtype).itemsize
    memory: Array = np.zeros(count + CACHE_LINE, np.uint8)
    first = -memory.ctypes.data % CACHE_LINE
    numbers: npt.NDArray[Any] = memory[first : first + count].view(dtype).reshape(shape)
    return numbers


@kernel_function()
def own_part(share: ThreadShare, count: int) -> tuple[int, int]:
    """Return the first of `count` items that are this thread's, and the first that is no longer."""
    return share.thread * count // share.threads, (share.thread + 1) * count // share.threads
