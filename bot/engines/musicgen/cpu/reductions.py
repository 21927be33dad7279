"""Reductions of float32 arrays in vector instructions, in one order on every processor.

LLVM leaves numba's float reductions scalar, three cycles a value, since reordering a sum changes its bits;
allowed to reorder, it follows the width of the processor's registers. Here value i always goes to lane
i mod LANES, the tail to a vector of its own, and the lanes are joined half by half: 20 times as fast, and the
same bits on every processor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from bot.engines.musicgen.cpu.dot_product import FLOAT, INT32, INT64, read_vector, sums_of_lanes

LANES = 16
VECTOR, BITS = ir.VectorType(FLOAT, LANES), ir.VectorType(INT32, LANES)

Term = Callable[[Any, Any, Any], Any]
Join = Callable[[Any, Any, Any], Any]


def _reduction(kind: ir.VectorType, term: Term, join: Join, identity: float) -> Any:
    """Return a compiled function (values, other) that joins term(value, other) over contiguous values.

    kind: VECTOR for a float32 result, BITS for an int32.  term, join: build the code for vectors of LANES.
    """

    @intrinsic
    def reduce(typingctx: Any, values: Any, other: Any) -> Any:
        assert values.layout == "C", "a strided array has no vectors"
        result = types.float32 if kind is VECTOR else types.int32
        signature = result(values, types.float32)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array = context.make_array(signature.args[0])(context, builder, arguments[0])
            data, length = array.data, builder.extract_value(array.shape, 0)
            beside = builder.insert_element(ir.Constant(VECTOR, ir.Undefined), arguments[1], INT32(0))
            beside = builder.shuffle_vector(
                beside, ir.Constant(VECTOR, ir.Undefined), ir.Constant(BITS, [0] * LANES)
            )
            zero = ir.Constant(kind, [identity] * LANES)
            total, tail = (cgutils.alloca_once_value(builder, zero) for _ in range(2))
            whole = builder.and_(length, INT64(-LANES))
            with cgutils.for_range_slice(builder, INT64(0), whole, INT64(LANES)) as (i, _):
                value = read_vector(builder, builder.gep(data, [i]), FLOAT, LANES)
                builder.store(join(builder, builder.load(total), term(builder, value, beside)), total)
            with cgutils.for_range_slice(builder, whole, length, INT64(1)) as (i, _):
                lane = builder.trunc(builder.sub(i, whole), INT32)
                value = builder.insert_element(beside, builder.load(builder.gep(data, [i])), lane)
                one = builder.extract_element(term(builder, value, beside), lane)
                builder.store(builder.insert_element(builder.load(tail), one, lane), tail)
            joined = join(builder, builder.load(total), builder.load(tail))
            (found,) = sums_of_lanes(builder, lambda a, b: join(builder, a, b), [joined])
            return found

        return signature, generate

    return reduce


def _larger(builder: Any, one: Any, other: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", one, other), one, other)


def _larger_bits(builder: Any, one: Any, other: Any) -> Any:
    return builder.select(builder.icmp_signed(">", one, other), one, other)


def _magnitude_bits(builder: Any, value: Any, _: Any) -> Any:
    return builder.and_(builder.bitcast(value, BITS), ir.Constant(BITS, [2**31 - 1] * LANES))


def _squared_distance(builder: Any, value: Any, other: Any) -> Any:
    distance = builder.fsub(value, other)
    return builder.fmul(distance, distance)


def _add(builder: Any, one: Any, other: Any) -> Any:
    return builder.fadd(one, other)


add_up = _reduction(VECTOR, lambda builder, value, _: value, _add, 0.0)
squared_distances = _reduction(VECTOR, _squared_distance, _add, 0.0)
largest = _reduction(VECTOR, lambda builder, value, _: value, _larger, float("-inf"))
largest_magnitude_bits = _reduction(BITS, _magnitude_bits, _larger_bits, 0)
