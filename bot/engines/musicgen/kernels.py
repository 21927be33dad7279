"""One step of the network on a CPU: loops over numpy arrays, compiled as one.

Rows of activations come in pairs, a slot's with words before its without. All threads go through a step
together: each computes its part of a product's outputs and of the attention heads, waits for the others,
and repeats for itself what is cheap; nothing is summed across threads. numba compiles this for the kinds of
numbers that it meets, once: the machine code is kept beside this file.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from bot.engines.musicgen.arithmetic import (
    LOG2_E,
    Array,
    inner,
    largest,
    limit,
    narrowed,
    power,
    soften,
    sound,
    total,
)
from bot.engines.musicgen.dots import CHUNK, dots, wait_for_all

BLOCK = 128
"""Positions whose values lie together, transposed."""
OUTPUTS = 8
"""Stored rows that stay in the nearest memory while all rows of activations meet them."""
ONE, TWO, FOUR = (0,), (0, 0), (0, 0, 0, 0)


class Matrix(NamedTuple):
    """One matrix of every layer.

    numbers: [layers, out, in], stored as dots.py has it; `in` is a multiple of CHUNK, padded with zeros.
    scales: float32 [layers, out], what 1 is worth in each row; ones where it is not int8.
    """

    numbers: Array
    scales: Array


class Stack(NamedTuple):
    """The network.

    norms: float32 [layers, 3, 2, hidden], before attention, words and feed-forward; weight and bias.
    last_norm: float32 [2, hidden].  The two of cross-attention have no layers where there is none.
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


class Past(NamedTuple):
    """Keys and values; `pairs` are the heads of each of a slot's rows.

    keys: [layers, slots, pairs, positions, width], the head's width padded to CHUNK.
    values: [layers, slots, pairs, blocks, head width, BLOCK].
    key_sizes, value_sizes: float32 [layers, slots, pairs, positions], what 1 is worth where they are int8.
    """

    keys: Array
    values: Array
    key_sizes: Array
    value_sizes: Array


class Shared(NamedTuple):
    """What all threads of a step write and read, of as many rows as there may be; float32.

    qkv: [rows, 3 · hidden].  mixed, added: [rows, hidden], and middle: [rows, feed-forward], padded to CHUNK.
    logits: [rows, codebooks · vocabulary].  gate: int64 [2], for wait_for_all.
    """

    qkv: Array
    mixed: Array
    added: Array
    middle: Array
    logits: Array
    gate: Array


class Own(NamedTuple):
    """What each thread has for itself.

    x, normed: float32 [rows, hidden], normed padded to CHUNK.  scores: float32 [positions].
    narrow [rows, the widest input and more], query [width], weights [positions]: as dots.py wants them beside
    weights and cache.  sizes: float32 [rows], what 1 is worth in narrow.
    """

    x: Array
    normed: Array
    narrow: Array
    sizes: Array
    query: Array
    weights: Array
    scores: Array


class Part(NamedTuple):
    """Which thread of how many this is, how many rows are taken, and whether weights and cache are int8."""

    number: int
    of: int
    rows: int
    whole: bool


@njit(cache=True, nogil=True, error_model="numpy")
def step(
    part: Part, stack: Stack, past: Past, words: Past, slots: Array, places: Array, heard: Array,
    shared: Shared, own: Own,
) -> None:  # fmt: skip
    """Take own.x, the same embedded rows in every thread, through the network to shared.logits.

    slots, places, heard: int64 [rows / 2], each one's place in the cache, position, and number of words.
    """
    rows, few = part.rows, part.rows // 2
    heads = own.x.shape[1] // past.values.shape[4]
    for layer in range(len(stack.norms)):
        norm(own, rows, rows, stack.norms[layer, 0])
        multiply(part, stack.qkv, layer, own.normed, rows, shared.qkv, own)
        wait_for_all(shared.gate, part.of)
        attend(part, past, layer, slots, places, shared, own, heads, places)
        wait_for_all(shared.gate, part.of)
        multiply(part, stack.self_out, layer, shared.mixed, rows, shared.added, own)
        wait_for_all(shared.gate, part.of)
        add(own.x, rows, rows, shared.added)
        if len(stack.cross_query.numbers):
            # The row without words attends to nothing, which adds nothing.
            norm(own, rows, few, stack.norms[layer, 1])
            multiply(part, stack.cross_query, layer, own.normed, few, shared.qkv, own)
            wait_for_all(shared.gate, part.of)
            attend(part, words, layer, slots, heard - 1, shared, own, heads, slots[:0])
            wait_for_all(shared.gate, part.of)
            multiply(part, stack.cross_out, layer, shared.mixed, few, shared.added, own)
            wait_for_all(shared.gate, part.of)
            add(own.x, rows, few, shared.added)
        norm(own, rows, rows, stack.norms[layer, 2])
        multiply(part, stack.feed_in, layer, own.normed, rows, shared.middle, own)
        gelu(part, shared.middle, stack.feed_in.numbers.shape[1])
        wait_for_all(shared.gate, part.of)
        multiply(part, stack.feed_out, layer, shared.middle, rows, shared.added, own)
        wait_for_all(shared.gate, part.of)
        add(own.x, rows, rows, shared.added)
    norm(own, rows, rows, stack.last_norm)
    multiply(part, stack.heads, len(stack.heads.numbers) - 1, own.normed, rows, shared.logits, own)


@inner(fastmath={"reassoc", "contract"})
def norm(own: Own, rows: int, wanted: int, weight_bias: Array) -> None:
    """Fill own.normed with the layer norm of all rows of x or every other one.

    Epsilon is 1e-5, as in both public implementations.
    """
    width = own.x.shape[1]
    for number in range(wanted):
        x, out = own.x[number * (rows // wanted)], own.normed[number]
        mean = np.float32(0)
        for place in range(width):
            mean += x[place]
        mean /= np.float32(width)
        square = np.float32(0)
        for place in range(width):
            square += (x[place] - mean) ** 2
        scale = np.float32(1) / np.sqrt(square / np.float32(width) + np.float32(1e-5))
        for place in range(width):
            out[place] = (x[place] - mean) * scale * weight_bias[0, place] + weight_bias[1, place]


@inner()
def add(x: Array, rows: int, wanted: int, added: Array) -> None:
    """Add to all rows of x or to every other one."""
    for number in range(wanted):
        row = number * (rows // wanted)
        x[row] += added[number, : x.shape[1]]


@inner()
def multiply(part: Part, matrix: Matrix, layer: int, x: Array, rows: int, out: Array, own: Own) -> None:
    """Fill this thread's columns of out [rows, out] with x [rows, in] times a layer's matrix, transposed."""
    _, last, length = matrix.numbers.shape
    for row in range(rows):
        own.sizes[row] = narrowed(
            x[row, :length], limit(length) if part.whole else 0, own.narrow[row, :length]
        )
    end = (part.number + 1) * last // part.of
    for begin in range(part.number * last // part.of, end, OUTPUTS):
        until = min(begin + OUTPUTS, end)
        for row in range(0, rows - rows % 4, 4):
            meet(matrix, layer, begin, until, own, row, out, FOUR)
        for row in range(rows - rows % 4, rows - rows % 2, 2):
            meet(matrix, layer, begin, until, own, row, out, TWO)
        for row in range(rows - rows % 2, rows):
            meet(matrix, layer, begin, until, own, row, out, ONE)


@inner()
def meet(
    matrix: Matrix, layer: int, begin: int, until: int, own: Own, row: int, out: Array, like: tuple[int, ...]
) -> None:
    """Fill the outputs from begin until `until` of as many rows as `like` is long."""
    _, last, length = matrix.numbers.shape
    apart = own.narrow.shape[1]
    for place in range(begin, until):
        sums = dots(
            matrix.numbers, (layer * last + place) * length, own.narrow, row * apart, apart, length, like
        )
        for beside in range(len(like)):
            out[row + beside, place] = sums[beside] * (own.sizes[row + beside] * matrix.scales[layer, place])


@inner()
def attend(
    part: Part, past: Past, layer: int, slots: Array, last: Array, shared: Shared, own: Own, heads: int,
    stored: Array,
) -> None:  # fmt: skip
    """Fill this thread's heads of shared.mixed with what the queries in shared.qkv find in the cache.

    last: int64 [slots], the last position of each that is looked at.
    stored: the same, if the keys and values in qkv are to be stored there first; else empty.
    """
    pairs, width = past.values.shape[2], past.values.shape[4]
    items = pairs * len(slots)
    for item in range(part.number * items // part.of, (part.number + 1) * items // part.of):
        number, pair = divmod(item, pairs)
        row, at = item // heads, item % heads * width
        if len(stored):
            store(
                past,
                layer,
                slots[number],
                pair,
                stored[number],
                shared.qkv[row],
                at,
                heads * width,
                part.whole,
            )
        query = shared.qkv[row, at : at + width]
        size = narrowed(query, limit(width) if part.whole else 0, own.query[:width])
        length = last[number] + 1
        weigh(past, layer, slots[number], pair, length, size, own, part.whole)
        mix(past, layer, slots[number], pair, length, own, part.whole, shared.mixed[row, at : at + width])


@inner()
def store(
    past: Past, layer: int, slot: int, pair: int, place: int, qkv: Array, at: int, hidden: int, whole: bool
) -> None:
    """Put a head's key and value, out of a row qkv [3 · hidden], into the cache."""
    width, most = past.values.shape[4], 127 if whole else 0
    block, within = divmod(place, BLOCK)
    values = past.values[layer, slot, pair, block]
    if within % CHUNK == 0:
        # A chunk is read whole: what an earlier clip left there must be a number.
        values[:, within : within + CHUNK] = 0
    key, value = qkv[at + hidden : at + hidden + width], qkv[at + 2 * hidden : at + 2 * hidden + width]
    key_size = narrowed(key, most, past.keys[layer, slot, pair, place, :width])
    value_size = narrowed(value, most, values[:, within])
    if whole:
        past.key_sizes[layer, slot, pair, place] = key_size
        past.value_sizes[layer, slot, pair, place] = value_size


@inner()
def weigh(
    past: Past, layer: int, slot: int, pair: int, length: int, size: Any, own: Own, whole: bool
) -> None:
    """Fill own.scores with the softmax of the products of a query, worth `size`, with the keys."""
    _, all_slots, pairs, positions, wide = past.keys.shape
    scale = size / np.sqrt(np.float32(past.values.shape[4]))
    first = ((layer * all_slots + slot) * pairs + pair) * positions
    scores = own.scores[:length]
    for place in range(length):
        (met,) = dots(past.keys, (first + place) * wide, own.query, 0, 0, wide, ONE)
        scores[place] = met * scale
    if whole:
        scores *= past.key_sizes[layer, slot, pair, :length]
    if not sound(scores):
        scores[:] = np.nan
        return
    most = largest(scores)
    for place in range(length):
        scores[place] = power((scores[place] - most) * LOG2_E)
    scores /= total(scores)


@inner()
def mix(past: Past, layer: int, slot: int, pair: int, length: int, own: Own, whole: bool, out: Array) -> None:
    """Fill out [head width] with the sum of the values by own.scores."""
    _, all_slots, pairs, blocks, width, _ = past.values.shape
    scores, count = own.scores, -(-length // CHUNK) * CHUNK
    scores[length:count] = 0
    if whole:
        scores[:length] *= past.value_sizes[layer, slot, pair, :length]
    size = narrowed(scores[:count], limit(BLOCK) if whole else 0, own.weights[:count])
    first = ((layer * all_slots + slot) * pairs + pair) * blocks
    for number in range(width):
        mixed = np.float32(0)
        for begin in range(0, count, BLOCK):
            at = ((first + begin // BLOCK) * width + number) * BLOCK
            (summed,) = dots(past.values, at, own.weights, begin, 0, min(BLOCK, count - begin), ONE)
            mixed += summed
        out[number] = mixed * size


@inner()
def gelu(part: Part, x: Array, width: int) -> None:
    """Replace this thread's columns of x by their GELU."""
    for row in range(part.rows):
        soften(x[row, part.number * width // part.of : (part.number + 1) * width // part.of])
