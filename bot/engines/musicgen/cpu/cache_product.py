"""Vector operations on a quantized cache: numbers stored as bytes, and their products with an operand.

The bytes are unsigned, in the order of byte_product.py. An operand, a query or probabilities, is int16. Where
the processor multiplies bytes at once (VNNI) it is split into signed bytes, high · 256 + low, and both are
multiplied with the same stored bytes. All sums are exact integers: the same bits with and without VNNI.
All arrays are contiguous, and indices count values.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from bot.engines.musicgen.cpu.byte_product import (
    FLOATS,
    LANES,
    LINE,
    STEP,
    SUMS,
    ByteProducts,
    ShortProducts,
    broadcast,
    exchanged,
    rounded,
)
from bot.engines.musicgen.cpu.dot_product import (
    CACHE_LEVEL_2,
    CACHE_LINE,
    FLOAT,
    INT8,
    INT16,
    INT32,
    INT64,
    prefetch,
    read_vector,
    sums_of_lanes,
)
from bot.engines.musicgen.cpu.processor import byte_product, target_features

ZERO_POINT = 128
"""The unsigned byte that stands for 0."""
OPERAND: type = np.int8 if byte_product(target_features()) else np.int16
MAX_OPERAND = 127 * 256 + 127
"""The largest integer whose high and low part are signed bytes."""
WORDS = LANES // STEP
"""Words of STEP bytes in LANES bytes."""


@intrinsic
def store_key(typingctx: Any, values: Any, scale: Any, keys: Any, first: Any) -> Any:
    """Store values · scale, rounded, as a key: STEP bytes in each line, the first of them at keys[first].

    values: float32, whole LANES; scale: float32.
    """
    signature = types.void(values, scale, keys, first)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target = builder.gep(_data(context, builder, signature, arguments, 2), [arguments[3]])
        with _integers(context, builder, signature, arguments) as (start, integers):
            narrow = builder.trunc(_biased(builder, integers), ir.VectorType(INT8, LANES))
            words = builder.bitcast(narrow, ir.VectorType(INT32, WORDS))
            for word in range(WORDS):
                offset = builder.mul(builder.add(start, INT64(word * STEP)), INT64(LINE // STEP))
                pointer = builder.bitcast(builder.gep(target, [offset]), INT32.as_pointer())
                builder.store(builder.extract_element(words, INT32(word)), pointer, align=1)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def store_value(typingctx: Any, values: Any, scale: Any, cache: Any, first: Any, part: Any) -> Any:
    """Store values · scale, rounded, in byte number `part` of each STEP from cache[first] on.

    values: float32, whole LANES; scale: float32.
    """
    signature = types.void(values, scale, cache, first, part)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target = builder.gep(_data(context, builder, signature, arguments, 2), [arguments[3]])
        bit = builder.trunc(builder.mul(arguments[4], INT64(8)), INT32)
        shift, mask = (broadcast(builder, v, SUMS) for v in (bit, builder.shl(INT32(255), bit)))
        with _integers(context, builder, signature, arguments) as (start, integers):
            pointer = builder.gep(target, [builder.mul(start, INT64(STEP))])
            line = builder.bitcast(pointer, SUMS.as_pointer())
            kept = builder.and_(builder.load(line, align=1), builder.not_(mask))
            builder.store(builder.or_(kept, builder.shl(_biased(builder, integers), shift)), line, align=1)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def fill_operand(typingctx: Any, values: Any, scale: Any, operand: Any, first: Any, low: Any) -> Any:
    """Fill operand[first:] with values · scale, rounded, and return minus ZERO_POINT times their sum.

    values: float32, whole LANES, up to MAX_OPERAND / scale; scale: float32.  operand: OPERAND; with int8 the
    low parts are `low` values behind the high parts.
    """
    signature = types.int32(values, scale, operand, first, low)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target = builder.gep(_data(context, builder, signature, arguments, 2), [arguments[3]])
        total = cgutils.alloca_once(builder, SUMS)
        builder.store(ir.Constant(SUMS, [0] * LANES), total)
        with _integers(context, builder, signature, arguments) as (start, integers):
            builder.store(builder.add(builder.load(total), integers), total)
            pointer = builder.gep(target, [start])
            if operand.dtype == types.int16:
                _store_narrow(builder, exchanged(builder, integers), pointer, INT16)
            else:
                half, eight = (ir.Constant(SUMS, [n] * LANES) for n in (128, 8))
                high = builder.ashr(builder.add(integers, half), eight)
                _store_narrow(builder, high, pointer, INT8)
                rest = builder.sub(integers, builder.shl(high, eight))
                _store_narrow(builder, rest, builder.gep(pointer, [arguments[4]]), INT8)
        (found,) = sums_of_lanes(builder, builder.add, [builder.load(total)])
        return builder.mul(found, INT32(-ZERO_POINT))

    return signature, generate


@intrinsic
def key_products(
    typingctx: Any, keys: Any, first: Any, step_stride: Any, vector_stride: Any, steps: Any, operand: Any,
    start: Any, low: Any, begin: Any, ahead: Any, ahead_first: Any, scores: Any, position: Any, factor: Any,
    scales: Any, scale_start: Any, vectors: Any,
) -> Any:  # fmt: skip
    """Fill len(vectors) · LANES scores with products of keys and an operand, times factor, times scales.

    The arguments to ahead_first are those of `_products`.
    scores, scales: float32, from position and scale_start on.
    """
    signature = types.void(
        keys, first, step_stride, vector_stride, steps, operand, start, low, begin, ahead, ahead_first,
        scores, position, factor, scales, scale_start, vectors,
    )  # fmt: skip

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, factors = (_data(context, builder, signature, arguments, i) for i in (11, 14))
        every = broadcast(builder, arguments[13], FLOATS)
        for vector, total in enumerate(_products(context, builder, signature, arguments, len(vectors))):
            offset = INT64(vector * LANES)
            own = builder.gep(factors, [builder.add(arguments[15], offset)])
            score = builder.fmul(builder.sitofp(total, FLOATS), every)
            score = builder.fmul(score, read_vector(builder, own, FLOAT, LANES))
            pointer = builder.gep(target, [builder.add(arguments[12], offset)])
            builder.store(score, builder.bitcast(pointer, FLOATS.as_pointer()), align=4)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def value_products(
    typingctx: Any, values: Any, first: Any, step_stride: Any, vector_stride: Any, steps: Any, operand: Any,
    start: Any, low: Any, begin: Any, ahead: Any, ahead_first: Any, out: Any, channel: Any, vectors: Any,
) -> Any:  # fmt: skip
    """Add products of values and an operand to len(vectors) · LANES numbers float32 from out[channel] on.

    The arguments to ahead_first are those of `_products`.
    """
    signature = types.void(
        values, first, step_stride, vector_stride, steps, operand, start, low, begin, ahead, ahead_first, out,
        channel, vectors,
    )  # fmt: skip

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target = _data(context, builder, signature, arguments, 11)
        for vector, total in enumerate(_products(context, builder, signature, arguments, len(vectors))):
            pointer = builder.gep(target, [builder.add(arguments[12], INT64(vector * LANES))])
            found = builder.fadd(read_vector(builder, pointer, FLOAT, LANES), builder.sitofp(total, FLOATS))
            builder.store(found, builder.bitcast(pointer, FLOATS.as_pointer()), align=4)
        return context.get_dummy_value()

    return signature, generate


def _products(context: Any, builder: Any, signature: Any, arguments: Any, vectors: int) -> list[Any]:
    """Return the sums of products of stored bytes and an operand, SUMS for each vector, begin added.

    Line s of vector v begins at stored[first + s · step_stride + v · vector_stride].  The operand: from start
    on, the low parts `low` values behind the high parts.  begin: int32, minus what the zero point adds.
    Beside each line, one line of the array `ahead` is prefetched, from ahead_first on.
    """
    data, operand, ahead = (_data(context, builder, signature, arguments, i) for i in (0, 5, 9))
    _, first, step_stride, vector_stride, steps, _, start, low, begin, _, ahead_first = arguments[:11]
    ahead = builder.bitcast(builder.gep(ahead, [ahead_first]), INT8.as_pointer())
    split = signature.args[5].dtype == types.int8
    multiply = ByteProducts(builder) if split else ShortProducts(builder)
    parts = [builder.gep(operand, [start])]
    if split:
        parts.append(builder.gep(parts[0], [low]))
    lines = [
        builder.gep(data, [builder.add(first, builder.mul(vector_stride, INT64(vector)))])
        for vector in range(vectors)
    ]
    sums = [[cgutils.alloca_once(builder, SUMS) for _ in parts] for _ in lines]
    for own in sums:
        for each in own[:-1]:
            builder.store(ir.Constant(SUMS, [0] * LANES), each)
        builder.store(broadcast(builder, begin, SUMS), own[-1])
    with cgutils.for_range(builder, steps) as loop:
        position = builder.mul(loop.index, INT64(STEP))
        x = [multiply.activations(builder.gep(part, [position])) for part in parts]
        offset = builder.mul(loop.index, step_stride)
        for vector in range(vectors):
            line = builder.add(builder.mul(loop.index, INT64(vectors)), INT64(vector))
            prefetch(builder, builder.gep(ahead, [builder.mul(line, INT64(CACHE_LINE))]), CACHE_LEVEL_2)
        for line, own in zip(lines, sums, strict=True):
            stored = read_vector(builder, builder.gep(line, [offset]), INT8, LINE)
            for part, each in zip(x, own, strict=True):
                builder.store(multiply.add(builder.load(each), stored, part), each)
    totals = [builder.load(own[-1]) for own in sums]
    if split:
        eight = ir.Constant(SUMS, [8] * LANES)
        highs = [builder.shl(builder.load(own[0]), eight) for own in sums]
        totals = [builder.add(total, high) for total, high in zip(totals, highs, strict=True)]
    return totals


@contextmanager
def _integers(context: Any, builder: Any, signature: Any, arguments: Any) -> Iterator[tuple[Any, Any]]:
    """Loop over the first argument times the second: index, and LANES rounded integers."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    scale = broadcast(builder, arguments[1], FLOATS)
    length = builder.extract_value(array.shape, 0)
    with cgutils.for_range_slice(builder, INT64(0), length, INT64(LANES)) as (start, _):
        values = read_vector(builder, builder.gep(array.data, [start]), FLOAT, LANES)
        yield start, rounded(builder, values, scale)


def _biased(builder: Any, integers: Any) -> Any:
    return builder.add(integers, ir.Constant(SUMS, [ZERO_POINT] * LANES))


def _store_narrow(builder: Any, integers: Any, pointer: Any, kind: Any) -> None:
    vector = ir.VectorType(kind, LANES)
    builder.store(builder.trunc(integers, vector), builder.bitcast(pointer, vector.as_pointer()), align=1)


def _data(context: Any, builder: Any, signature: Any, arguments: Any, index: int) -> Any:
    """Return the pointer to an array argument's values."""
    return context.make_array(signature.args[index])(context, builder, arguments[index]).data
