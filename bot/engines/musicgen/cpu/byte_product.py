"""Products of unsigned bytes with a few small integers, summed in int32: one step of the quantized kernels.

A vector of LINE bytes holds STEP inputs of LANES outputs; STEP activations are broadcast to all of it. Every
lane is an output's own sum, so nothing is added up across lanes.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils

from bot.engines.musicgen.cpu.dot_product import FLOAT, INT8, INT16, INT32, INT64, lanes_of
from bot.engines.musicgen.cpu.processor import byte_product, target_features

LANES = 16
"""Outputs of a vector: sums of 32 bits in 64 bytes."""
STEP = 4
"""Inputs that one instruction multiplies and adds up."""
LINE = LANES * STEP
"""Values of a vector of stored bytes."""
BYTES, SHORTS, SUMS, FLOATS = (
    ir.VectorType(kind, count)
    for kind, count in ((INT8, LINE), (INT16, LINE // 2), (INT32, LANES), (FLOAT, LANES))
)
ROUNDER = 1.5 * 2.0**23
"""Added to a float32 below 2²², it leaves no bits behind the point: the sum's low bits are the integer."""


class ByteProducts:
    """uint8 · int8 by VNNI, in one instruction of 64 bytes, or two of 32 with AVX-VNNI."""

    def __init__(self, builder: Any) -> None:
        self._builder, self._bytes = builder, byte_product(target_features())

    def activations(self, pointer: Any) -> Any:
        """Return STEP activations, broadcast."""
        builder = self._builder
        four = builder.load(builder.bitcast(pointer, INT32.as_pointer()), align=1)
        return builder.bitcast(broadcast(builder, four, SUMS), BYTES)

    def add(self, total: Any, weights: Any, x: Any) -> Any:
        """Return the sums with the products of a step added."""
        builder, count = self._builder, LINE // self._bytes
        kinds = [
            ir.VectorType(kind, length // count)
            for kind, length in ((INT32, LANES), (INT8, LINE), (INT8, LINE))
        ]
        name = f"llvm.x86.avx512.vpdpbusd.{8 * self._bytes}"
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kinds[0], kinds), name)
        parts = []
        for part in range(count):
            own = [
                lanes_of(builder, vector, None, range(part * kind.count, (part + 1) * kind.count))
                for vector, kind in zip((total, weights, x), kinds, strict=True)
            ]
            parts.append(builder.call(function, own))
        return parts[0] if count == 1 else lanes_of(builder, parts[0], parts[1], range(LANES))


class ShortProducts:
    """uint8 · int16, without VNNI."""

    def __init__(self, builder: Any) -> None:
        self._builder = builder

    def activations(self, pointer: Any) -> Any:
        """Return STEP activations, broadcast: inputs 0 and 2, inputs 1 and 3."""
        builder = self._builder
        pairs = builder.bitcast(pointer, INT32.as_pointer())
        found = [builder.load(builder.gep(pairs, [INT64(pair)]), align=2) for pair in range(2)]
        return [builder.bitcast(broadcast(builder, pair, SUMS), SHORTS) for pair in found]

    def add(self, total: Any, weights: Any, x: Any) -> Any:
        """Return the sums with the products of a step added."""
        builder, shorts = self._builder, self._builder.bitcast(weights, SHORTS)
        eight, low = (ir.Constant(SHORTS, [n] * SHORTS.count) for n in (8, 255))
        halves = builder.and_(shorts, low), builder.lshr(shorts, eight)
        wide = ir.VectorType(INT32, SHORTS.count)
        for half, own in zip(halves, x, strict=True):
            products = builder.mul(builder.sext(half, wide), builder.sext(own, wide))
            even, odd = (lanes_of(builder, products, None, range(i, SHORTS.count, 2)) for i in range(2))
            total = builder.add(total, builder.add(even, odd))
        return total


def broadcast(builder: Any, value: Any, kind: Any) -> Any:
    """Return a vector whose lanes are all a value."""
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, INT32(0))
    return lanes_of(builder, one, None, [0] * kind.count)


def rounded(builder: Any, values: Any, scale: Any) -> Any:
    """Return values · scale, vectors of floats below 2²², rounded to the nearest int32, ties to even."""
    rounder = ir.Constant(FLOATS, [ROUNDER] * LANES)
    shifted = builder.fadd(builder.fmul(values, scale), rounder)
    return builder.sub(builder.bitcast(shifted, SUMS), builder.bitcast(rounder, SUMS))


def exchanged(builder: Any, integers: Any) -> Any:
    """Return LANES integers in the order of ShortProducts: of every STEP, 1 and 2 change places."""
    return lanes_of(builder, integers, None, [i - i % STEP + (0, 2, 1, 3)[i % STEP] for i in range(LANES)])
