"""Dot products of a few stored rows of floats with a few activation rows: the inner loop on a CPU.

Decoding reads every weight once a step, so this loop has to keep up with the memory's bandwidth. It is
written as LLVM vectors of 64 bytes, which every processor has a form of; half precision becomes `vcvtph2ps`
and fused multiply-adds. A product takes four or five cycles, but one or two can start every cycle: a single
sum would wait for itself most of the time. So several stored rows are multiplied with several activation rows
at once, each pair with a sum of its own (processor.py says how many), and each load serves several pairs. The
order within a sum is the same whatever the tile and the processor: a step has the same bits on every
processor with fused multiply-adds (x86 since 2013, every ARM with 64 bits).

Storage dtypes; the activations are fp32, and so are the sums:

    uint16    bits of fp16 (numba has no fp16 on a CPU)
    int16     bits of bf16
    float32   fp32
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from llvmlite import ir
from numba.core import cgutils, config, types
from numba.extending import intrinsic

NAMES = (
    "processor dot_product byte_product integer_product cache_product reductions arithmetic buffers matmul "
    "quantized_attention attention kernels sampling columns"
)
SOURCES = [Path(__file__).with_name(f"{name}.py").read_bytes() for name in NAMES.split()]
# numba invalidates its cache by a function's own file alone; the machine code depends on all of these.
config.CACHE_DIR = str(
    Path(config.CACHE_DIR or Path(__file__).parent / "__pycache__")
    / f"kernels-{hashlib.sha256(b''.join(SOURCES)).hexdigest()[:16]}"
)
CHUNK = 32
"""Values read at a time; every row's length is a multiple of it."""
INTERLEAVED = 8
"""Weight rows stored chunk by chunk in turn: what is multiplied at once is one stream from memory."""
PREFETCH_BYTES = 2_048
"""Distance of the prefetch in bytes: a single core reads up to a third faster with it."""
INT8, INT16, INT32, INT64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
FLOAT, HALF = ir.FloatType(), ir.HalfType()
BYTES = {INT8: 1, INT16: 2, HALF: 2, FLOAT: 4}
CACHE_LINE = 64
CACHE_LEVEL_1, CACHE_LEVEL_2 = 3, 2
"""LLVM's numbers of what a prefetch fills."""


@intrinsic
def dot_products(
    typingctx: Any, stored: Any, first: Any, apart: Any, step: Any, x: Any, offset: Any, stride: Any,
    length: Any, outputs: Any, rows: Any,
) -> Any:  # fmt: skip
    """Return the dot products of a few stored rows with a few activation rows: a tuple, output by output.

    stored, x: contiguous arrays of any shape, of which indices count values.  A stored row consists of chunks
    of CHUNK values, `step` apart; the first chunk of row i is at first + i · apart.  An activation row is
    contiguous; row i begins at offset + i · stride.  length: of every row, a multiple of CHUNK.
    outputs, rows: tuples whose lengths, powers of two known at compile time, count the stored rows and those
    of x.  A sum has one order: it does not depend on how many rows are multiplied at once.
    """
    counts = len(outputs), len(rows)
    signature = types.containers.UniTuple(types.float32, math.prod(counts))(
        stored, first, apart, step, x, offset, stride, length, outputs, rows
    )

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, beside = (
            context.make_array(signature.args[i])(context, builder, arguments[i]).data for i in (0, 4)
        )
        _, first, apart, step, _, offset, stride, length, _, _ = arguments
        multiply = _Float(builder, stored.dtype)
        weights, activations = (
            [builder.gep(data, [builder.add(start, builder.mul(between, INT64(i)))]) for i in range(count)]
            for data, start, between, count in zip(
                (source, beside), (first, offset), (apart, stride), counts, strict=True
            )
        )
        # One accumulator for each pair: independent chains, so that no multiplication waits for the last.
        sums = [[multiply.zero() for _ in activations] for _ in weights]
        chunks = builder.sdiv(length, INT64(CHUNK))
        together = INT64(counts[0] * CHUNK)
        ahead = builder.select(builder.icmp_signed(">", step, together), step, together)
        with cgutils.for_range(builder, chunks) as loop:
            _prefetch_ahead(builder, weights[0], builder.mul(loop.index, ahead), counts[0] * CHUNK)
            chunk, position = builder.mul(loop.index, step), builder.mul(loop.index, INT64(CHUNK))
            for part in range(0, CHUNK, multiply.lanes):
                x = [
                    multiply.activations(builder.gep(row, [builder.add(position, INT64(part))]))
                    for row in activations
                ]
                for row, own in zip(weights, sums, strict=True):
                    w = multiply.stored(builder.gep(row, [builder.add(chunk, INT64(part))]))
                    for values, accumulator in zip(x, own, strict=True):
                        multiply.add(w, values, accumulator)
        totals = sums_of_lanes(builder, multiply.join, [builder.load(each) for own in sums for each in own])
        return context.make_tuple(builder, signature.return_type, totals)

    return signature, generate


class _Float:
    """fp32, fp16 or bf16 · fp32. The number of lanes is the order of the sum: the same on every processor."""

    lanes = 16

    def __init__(self, builder: Any, kind: Any) -> None:
        self._builder, self._kind = builder, kind
        self._vector = ir.VectorType(FLOAT, self.lanes)

    def join(self, one: Any, other: Any) -> Any:
        return self._builder.fadd(one, other)

    def zero(self) -> Any:
        return cgutils.alloca_once_value(self._builder, ir.Constant(self._vector, [0.0] * self.lanes))

    def stored(self, pointer: Any) -> Any:
        build = self._builder
        if self._kind == types.uint16:
            return build.fpext(read_vector(build, pointer, HALF, self.lanes), self._vector)
        if self._kind == types.int16:
            wide = ir.VectorType(INT32, self.lanes)
            shift = ir.Constant(wide, [16] * self.lanes)
            bits = build.zext(read_vector(build, pointer, INT16, self.lanes), wide)
            return build.bitcast(build.shl(bits, shift), self._vector)
        return read_vector(build, pointer, FLOAT, self.lanes)

    def activations(self, pointer: Any) -> Any:
        return read_vector(self._builder, pointer, FLOAT, self.lanes)

    def add(self, stored: Any, activations: Any, total: Any) -> None:
        build = self._builder
        products = build.fmul(stored, activations, flags=("contract",))
        build.store(build.fadd(build.load(total), products, flags=("contract",)), total)


@intrinsic
def prefetch_range(typingctx: Any, array: Any, first: Any, count: Any, apart: Any, each: Any) -> Any:
    """Prefetch values of a contiguous array into the second cache, `count` pieces of len(each) values.

    first: index of the first value.  apart: values between the beginnings of two pieces.
    """
    signature = types.void(array, first, count, apart, each)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, first, count, apart, _ = arguments
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        piece_bytes = len(each) * array.dtype.bitwidth // 8
        with cgutils.for_range(builder, count) as loop:
            piece = builder.gep(data, [builder.add(first, builder.mul(loop.index, apart))])
            begin = builder.bitcast(piece, INT8.as_pointer())
            for line in range(0, piece_bytes, CACHE_LINE):
                prefetch(builder, builder.gep(begin, [INT64(line)]), CACHE_LEVEL_2)
        return context.get_dummy_value()

    return signature, generate


def _prefetch_ahead(builder: Any, pointer: Any, offset: Any, count: int) -> None:
    """Prefetch the lines of `count` values at an offset from a pointer, PREFETCH_BYTES further on."""
    begin = builder.bitcast(builder.gep(pointer, [offset]), INT8.as_pointer())
    for line in range(0, count * BYTES[pointer.type.pointee], CACHE_LINE):
        prefetch(builder, builder.gep(begin, [INT64(PREFETCH_BYTES + line)]), CACHE_LEVEL_1)


def prefetch(builder: Any, pointer: Any, level: int) -> None:
    """Prefetch the line of a byte, CACHE_LEVEL_1 or _2. Beyond the end of the array this has no effect."""
    signature = ir.FunctionType(ir.VoidType(), [INT8.as_pointer(), INT32, INT32, INT32])
    fetch = cgutils.get_or_insert_function(builder.module, signature, "llvm.prefetch.p0")
    # For reading, data.
    builder.call(fetch, [pointer, INT32(0), INT32(level), INT32(1)])


def read_vector(builder: Any, pointer: Any, kind: Any, lanes: int) -> Any:
    """Load a vector of `lanes` values from a pointer that is aligned to one value."""
    vector = ir.VectorType(kind, lanes)
    return builder.load(builder.bitcast(pointer, vector.as_pointer()), align=BYTES[kind])


def lanes_of(builder: Any, one: Any, other: Any, chosen: Iterable[int]) -> Any:
    """Return chosen lanes of two vectors joined, or of one and None."""
    indices = ir.Constant(ir.VectorType(INT32, len(chosen := list(chosen))), chosen)
    return builder.shuffle_vector(one, other or ir.Constant(one.type, ir.Undefined), indices)


def sums_of_lanes(builder: Any, join: Any, vectors: list[Any]) -> list[Any]:
    """Return the sum of each vector's lanes; a power of two of vectors.

    Each sum adds its upper half to its lower half until one lane is left. Two vectors whose sums are half
    done share one, so that all of them take about as many instructions as two would by themselves.
    """
    groups, lanes = 1, vectors[0].type.count
    while lanes > 1:
        first, second = vectors[::2], vectors[1::2] or [None]
        groups *= 1 if second == [None] else 2
        half = lanes // 2
        lower = [group * lanes + lane for group in range(groups) for lane in range(half)]
        upper = [lane + half for lane in lower]
        vectors = [
            join(lanes_of(builder, a, b, lower), lanes_of(builder, a, b, upper))
            for a, b in zip(first, second, strict=True)
        ]
        lanes = half
    return [builder.extract_element(vector, INT32(lane)) for vector in vectors for lane in range(groups)]


@intrinsic
def cast_to(typingctx: Any, array: Any, number: Any) -> Any:
    """Return a float32 value in an array's dtype: fp16 bits for uint16, float32 as it is."""
    signature = array.dtype(array, number)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if array.dtype == types.uint16:
            return builder.bitcast(builder.fptrunc(arguments[1], HALF), INT16)
        return arguments[1]

    return signature, generate


@intrinsic
def bitcast_float32(typingctx: Any, bits: Any) -> Any:
    """Return the float32 with the bits of an int32."""
    signature = types.float32(types.int32)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], FLOAT)

    return signature, generate


SPINS = 2_000
"""Polls of a waiting thread before it yields its core to other processes."""


@intrinsic
def barrier(typingctx: Any, state: Any, threads: Any) -> Any:
    """Wait until `threads` threads have called this with the same state, int64 [2], initially zeros.

    state: arrivals of this round, number of the round.
    """
    signature = types.void(state, threads)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        arrivals = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        rounds = builder.gep(arrivals, [INT64(1)])
        now = builder.load_atomic(rounds, "acquire", 8)
        before = builder.atomic_rmw("add", arrivals, INT64(1), "acq_rel")
        is_last = builder.icmp_signed("==", builder.add(before, INT64(1)), arguments[1])
        with builder.if_else(is_last) as (last, first):
            with last:
                builder.store_atomic(INT64(0), arrivals, "release", 8)
                builder.store_atomic(builder.add(now, INT64(1)), rounds, "release", 8)
            with first:
                _spin(builder, rounds, now)
        return context.get_dummy_value()

    return signature, generate


def _spin(builder: Any, rounds: Any, now: Any) -> None:
    """Wait until the value at `rounds` differs from `now`."""
    look, rest = (builder.append_basic_block(name) for name in ("look", "rest"))
    again, done = (builder.append_basic_block(name) for name in ("again", "done"))
    looked = cgutils.alloca_once_value(builder, INT64(0))
    builder.store(INT64(0), looked)
    builder.branch(look)
    builder.position_at_end(look)
    count = builder.add(builder.load(looked), INT64(1))
    builder.store(count, looked)
    same = builder.icmp_signed("==", builder.load_atomic(rounds, "acquire", 8), now)
    builder.cbranch(same, again, done)
    builder.position_at_end(again)
    builder.cbranch(builder.icmp_signed(">", count, INT64(SPINS)), rest, look)
    builder.position_at_end(rest)
    name = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
    builder.call(cgutils.get_or_insert_function(builder.module, ir.FunctionType(INT32, []), name), [])
    builder.branch(look)
    builder.position_at_end(done)
