"""Dot products of one stored row with a few activation rows: the inner loop of decoding on a CPU.

Decoding reads every weight once a step, so this loop runs at the memory's bandwidth or not at all. It is
written as LLVM vector instructions that every processor has a form of: with AVX2 the integers become
`vpmaddwd`, half precision `vcvtph2ps` and fused multiply-adds. numba inlines them into the loops of
kernels.py. Storage dtypes, and the activations that they are multiplied with:

    int8      int16 activations, accumulated in int32: exact, in any order
    uint16    bits of fp16 (numba has no fp16 on a CPU), fp32 activations, accumulated in fp32
    int16     bits of bf16, as fp16
    float32   fp32 activations, accumulated in fp32
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

from llvmlite import ir
from numba.core import cgutils, config, types
from numba.extending import intrinsic

SOURCES = [
    Path(__file__).with_name(f"{name}.py").read_bytes() for name in ("dot_product", "arithmetic", "kernels")
]
# numba invalidates its cache by a function's own file alone; the machine code depends on all three.
config.CACHE_DIR = str(
    Path(config.CACHE_DIR or Path(__file__).parent / "__pycache__")
    / f"kernels-{hashlib.sha256(b''.join(SOURCES)).hexdigest()[:16]}"
)
CHUNK = 16
"""Values read at a time; every row's length is a multiple of it."""
PREFETCH_BYTES = 2_048
"""Distance of the prefetch in bytes: a single core reads up to a third faster with it."""
INT8, INT16, INT32, INT64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
FLOAT, HALF = ir.FloatType(), ir.HalfType()
BYTES = {INT8: 1, INT16: 2, HALF: 2, FLOAT: 4}


@intrinsic
def dot_products(
    typingctx: Any, stored: Any, first: Any, x: Any, offset: Any, stride: Any, length: Any, count: Any
) -> Any:
    """Return the dot products of `length` stored values with a few rows of x, as a tuple.

    stored, x: contiguous arrays of any shape; the values begin at `first` and at `offset`, rows of x are
    `stride` apart.  length: a multiple of CHUNK.  count: a tuple with one entry for each row: its length is
    known at compile time.  A row's sum has one order, however many rows there are.
    """
    is_int8 = stored.dtype == types.int8
    total = types.int32 if is_int8 else types.float32
    signature = types.containers.UniTuple(total, len(count))(stored, first, x, offset, stride, length, count)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, beside = (
            context.make_array(signature.args[i])(context, builder, arguments[i]) for i in (0, 2)
        )
        _, first, _, offset, stride, length, _ = arguments
        multiply = _Int8(builder) if is_int8 else _Float(builder, stored.dtype)
        sums = [[multiply.zero() for _ in range(multiply.parts)] for _ in range(len(count))]
        begin = builder.gep(source.data, [first])
        rows = [
            builder.gep(beside.data, [builder.add(offset, builder.mul(stride, INT64(number)))])
            for number in range(len(count))
        ]
        with cgutils.for_range_slice(builder, INT64(0), length, INT64(CHUNK)) as (place, _):
            for part in range(multiply.parts):
                here = builder.add(place, INT64(part * multiply.lanes))
                numbers = multiply.stored(builder.gep(begin, [here]))
                _prefetch(builder, builder.gep(begin, [here]))
                for row, own in zip(rows, sums, strict=True):
                    multiply.add(numbers, builder.gep(row, [here]), own[part])
        totals = [_total(builder, multiply, [builder.load(part) for part in own]) for own in sums]
        return context.make_tuple(builder, signature.return_type, totals)

    return signature, generate


class _Int8:
    """int8 · int16: products of neighbours are added at once, 16 values to 8 accumulators (`vpmaddwd`)."""

    lanes, parts = CHUNK, 1

    def __init__(self, builder: Any) -> None:
        self._builder = builder
        self.join = builder.add

    def zero(self) -> Any:
        kind = ir.VectorType(INT32, self.lanes // 2)
        return cgutils.alloca_once_value(self._builder, ir.Constant(kind, [0] * kind.count))

    def stored(self, pointer: Any) -> Any:
        return self._wide(pointer, INT8)

    def add(self, numbers: Any, pointer: Any, total: Any) -> None:
        build = self._builder
        products = build.mul(numbers, self._wide(pointer, INT16))
        pairs = build.add(_lanes(build, products, 0, 2), _lanes(build, products, 1, 2))
        build.store(build.add(build.load(total), pairs), total)

    def _wide(self, pointer: Any, kind: Any) -> Any:
        return self._builder.sext(
            _read(self._builder, pointer, kind, self.lanes), ir.VectorType(INT32, self.lanes)
        )


class _Float:
    """fp32, fp16 or bf16 · fp32; two accumulators a row hide the latency of the fused multiply-add."""

    lanes, parts = CHUNK // 2, 2

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
            return build.fpext(_read(build, pointer, HALF, self.lanes), self._vector)
        if self._kind == types.int16:
            wide = ir.VectorType(INT32, self.lanes)
            shift = ir.Constant(wide, [16] * self.lanes)
            bits = build.zext(_read(build, pointer, INT16, self.lanes), wide)
            return build.bitcast(build.shl(bits, shift), self._vector)
        return _read(build, pointer, FLOAT, self.lanes)

    def add(self, numbers: Any, pointer: Any, total: Any) -> None:
        build = self._builder
        products = build.fmul(numbers, _read(build, pointer, FLOAT, self.lanes), flags=("contract",))
        build.store(build.fadd(build.load(total), products, flags=("contract",)), total)


def _prefetch(builder: Any, pointer: Any) -> None:
    """Prefetch PREFETCH_BYTES past a pointer; beyond the end of the array this has no effect."""
    kind = INT8.as_pointer()
    signature = ir.FunctionType(ir.VoidType(), [kind, INT32, INT32, INT32])
    fetch = cgutils.get_or_insert_function(builder.module, signature, "llvm.prefetch.p0")
    place = builder.gep(builder.bitcast(pointer, kind), [INT64(PREFETCH_BYTES)])
    # For reading, in all cache levels, data.
    builder.call(fetch, [place, INT32(0), INT32(3), INT32(1)])


def _read(builder: Any, pointer: Any, kind: Any, lanes: int) -> Any:
    vector = ir.VectorType(kind, lanes)
    return builder.load(builder.bitcast(pointer, vector.as_pointer()), align=BYTES[kind])


def _lanes(builder: Any, vector: Any, first: int, step: int) -> Any:
    """Return every step-th lane of a vector, half of them."""
    chosen = [first + step * lane for lane in range(vector.type.count // 2)]
    kind = ir.VectorType(INT32, len(chosen))
    return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), ir.Constant(kind, chosen))


def _total(builder: Any, multiply: Any, parts: list[Any]) -> Any:
    vector = parts[0]
    for part in parts[1:]:
        vector = multiply.join(vector, part)
    while vector.type.count > 1:
        half = vector.type.count // 2
        vector = multiply.join(_lanes(builder, vector, 0, 1), _lanes(builder, vector, half, 1))
    return builder.extract_element(vector, INT32(0))


@intrinsic
def cast_to(typingctx: Any, array: Any, number: Any) -> Any:
    """Return a float32 value in an array's dtype: fp16 bits for uint16, an integer for int8 and int16."""
    signature = array.dtype(array, number)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if array.dtype == types.uint16:
            return builder.bitcast(builder.fptrunc(arguments[1], HALF), INT16)
        if array.dtype == types.float32:
            return arguments[1]
        return builder.fptosi(arguments[1], context.get_value_type(array.dtype))

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
        arrived = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        rounds = builder.gep(arrived, [INT64(1)])
        now = builder.load_atomic(rounds, "acquire", 8)
        before = builder.atomic_rmw("add", arrived, INT64(1), "acq_rel")
        is_last = builder.icmp_signed("==", builder.add(before, INT64(1)), arguments[1])
        with builder.if_else(is_last) as (last, first):
            with last:
                builder.store_atomic(INT64(0), arrived, "release", 8)
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
