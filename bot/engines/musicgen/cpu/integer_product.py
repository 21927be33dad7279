"""Products of quantized weights with quantized activations, in int8 and int4.

Weights are unsigned bytes, or halves of bytes, and activations signed bytes, so that `vpdpbusd` takes both
as they are: 64 multiplications an instruction. A vector holds STEP inputs of 16 outputs, and STEP activations
are broadcast to all of it: every lane is an output's own sum, and nothing is added up across lanes. Each
CHUNK of activations has a scale of its own, in int4 each CHUNK of weights too. Within a chunk the sum is an
integer, exact in any order; the chunks are added in fp32 one after another, and a product is rounded before
it is added. So a result has the same bits for any number of rows and threads, on every processor.

Without VNNI, activations are kept in int16, and two `vpmaddwd` (or `smull` and `smlal`) make up for one
`vpdpbusd`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from bot.engines.musicgen.cpu.byte_product import (
    BYTES,
    FLOATS,
    LANES,
    LINE,
    SHORTS,
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
    CHUNK,
    FLOAT,
    HALF,
    INT8,
    INT32,
    INT64,
    prefetch,
    read_vector,
    sums_of_lanes,
)
from bot.engines.musicgen.cpu.processor import byte_product, target_features

VECTORS = 2
TILE = VECTORS * LANES
"""Outputs of a tile."""
STEPS = CHUNK // STEP
ZERO_POINT = {8: 128, 4: 8}
"""The unsigned weight that stands for 0, by the bits of a weight."""
ACTIVATIONS: type = np.int8 if byte_product(target_features()) else np.int16
"""Storage dtype of quantized activations on this processor."""
HIGHEST = np.float32(127)


def bits_of(scales: Any) -> int:
    """Return the bits of a weight by the numba type of the weights' scales."""
    return 4 if scales.dtype == types.uint16 else 8


@intrinsic
def quantize_chunks(
    typingctx: Any, x: Any, x_start: Any, chunks: Any, scales: Any, out: Any, out_start: Any, factors: Any,
    corrections: Any, group_start: Any,
) -> Any:  # fmt: skip
    """Quantize chunks of float32 values to ±127, each with a scale of its own, as `tile_products` reads them.

    All arrays are contiguous; the indices count values.  scales: of the weights, which tell their zero point.
    out: int8, or int16 on processors without VNNI, where inputs 1 and 2 of every four change places.
    factors: float32, what 1 in a chunk is worth.  corrections: int32, minus the zero point times the sum of a
    chunk.
    A chunk with a value that is not finite gets zeros and a NaN factor: the NaN reaches the logits, where the
    clip is refused.
    """
    signature = types.void(x, x_start, chunks, scales, out, out_start, factors, corrections, group_start)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, target, worth, zeros = (
            builder.gep(context.make_array(signature.args[i])(context, builder, arguments[i]).data, [start])
            for i, start in ((0, arguments[1]), (4, arguments[5]), (6, arguments[8]), (7, arguments[8]))
        )
        sign = ir.Constant(SUMS, [2**31 - 1] * LANES)
        with cgutils.for_range(builder, arguments[2]) as loop:
            position = builder.mul(loop.index, INT64(CHUNK))
            parts = [
                read_vector(builder, builder.gep(source, [builder.add(position, INT64(part))]), FLOAT, LANES)
                for part in range(0, CHUNK, LANES)
            ]
            # Without their sign, the bits of floats are ordered like the floats, infinity and NaN above all.
            magnitudes = [builder.and_(builder.bitcast(part, SUMS), sign) for part in parts]
            (largest,) = sums_of_lanes(
                builder, lambda a, b: _larger(builder, a, b), [_larger(builder, *magnitudes)]
            )
            finite = builder.icmp_signed("<", largest, INT32(0x7F800000))
            # 1e-12, so that a chunk of zeros has a scale.
            largest = builder.bitcast(_larger(builder, largest, INT32(0x2B8CBCCC)), FLOAT)
            scale = builder.fdiv(FLOAT(HIGHEST), largest)
            factor = builder.select(finite, builder.fdiv(largest, FLOAT(HIGHEST)), FLOAT(float("nan")))
            builder.store(factor, builder.gep(worth, [loop.index]))
            every = broadcast(builder, scale, FLOATS)
            zero = ir.Constant(SUMS, [0] * LANES)
            whole = [builder.select(finite, rounded(builder, part, every), zero) for part in parts]
            (total,) = sums_of_lanes(builder, builder.add, [builder.add(*whole)])
            correction = builder.mul(total, INT32(-ZERO_POINT[bits_of(scales)]))
            builder.store(correction, builder.gep(zeros, [loop.index]))
            narrow = ir.VectorType(context.get_value_type(out.dtype), LANES)
            for part, integer in enumerate(whole):
                if out.dtype == types.int16:
                    integer = exchanged(builder, integer)
                at = builder.gep(target, [builder.add(position, INT64(part * LANES))])
                builder.store(
                    builder.trunc(integer, narrow), builder.bitcast(at, narrow.as_pointer()),
                    align=out.dtype.bitwidth // 8,
                )  # fmt: skip
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def tile_products(
    typingctx: Any, values: Any, scales: Any, tile: Any, vector: Any, chunks: Any, x: Any, x_start: Any,
    x_stride: Any, factors: Any, corrections: Any, group_start: Any, group_stride: Any, out: Any,
    out_start: Any, out_stride: Any, ahead: Any, lines: Any, vectors: Any, rows: Any,
) -> Any:  # fmt: skip
    """Fill len(vectors) · 16 outputs of len(rows) rows of `out`, float32.

    All arrays are contiguous; the indices count values.
    values: uint8 [tiles, chunks, lines, VECTORS, LINE] as packing.py makes them, of which tile number `tile`
    is multiplied, from its vector number `vector` on.
    scales: float32 [tiles, TILE], or fp16 (uint16) [tiles, chunks, TILE].
    x, factors, corrections: of `quantize_chunks`; row i from x_start + i · x_stride and group_start +
    i · group_stride on.  vectors, rows: tuples whose lengths are known at compile time.
    ahead, lines: beside each chunk, so many cache lines are prefetched, `ahead` bytes behind its begin.
    """
    bits = bits_of(scales)
    signature = types.void(
        values, scales, tile, vector, chunks, x, x_start, x_stride, factors, corrections, group_start,
        group_stride, out, out_start, out_stride, ahead, lines, vectors, rows,
    )  # fmt: skip

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        build = _Tile(context, builder, signature.args, arguments, bits)
        build.loop()
        build.store()
        return context.get_dummy_value()

    return signature, generate


class _Tile:
    """Builds the code of one `tile_products`."""

    def __init__(self, context: Any, builder: Any, kinds: Any, arguments: Any, bits: int) -> None:
        self._builder, self._bits = builder, bits
        (
            _, _, tile, vector, self._chunks, _, x_start, x_stride, _, _, group_start, group_stride, _,
            out_start, out_stride, self._ahead, self._lines, _, _,
        ) = arguments  # fmt: skip
        values, scales, x, factors, corrections, out = (
            context.make_array(kinds[i])(context, builder, arguments[i]).data for i in (0, 1, 5, 8, 9, 12)
        )
        self._vectors, rows = range(len(kinds[17])), range(len(kinds[18]))

        def starts(array: Any, start: Any, stride: Any) -> list[Any]:
            return [builder.gep(array, [builder.add(start, builder.mul(stride, INT64(row)))]) for row in rows]

        self._chunk_bytes = TILE * CHUNK * bits // 8
        chunk = builder.mul(tile, self._chunks)
        self._tile = builder.gep(values, [builder.mul(chunk, INT64(self._chunk_bytes))])
        self._vector = builder.mul(vector, INT64(LINE))
        first_scale = builder.mul(tile if bits == 8 else chunk, INT64(TILE))
        self._scales = builder.gep(scales, [builder.add(first_scale, builder.mul(vector, INT64(LANES)))])
        self._activations = starts(x, x_start, x_stride)
        self._factors = starts(factors, group_start, group_stride)
        self._corrections = starts(corrections, group_start, group_stride)
        self._out = starts(out, out_start, out_stride)
        self._rows = rows
        self._multiply: ByteProducts | ShortProducts = (
            ByteProducts(builder) if kinds[5].dtype == types.int8 else ShortProducts(builder)
        )
        zero = ir.Constant(FLOATS, [0.0] * LANES)
        self._totals = [[cgutils.alloca_once_value(builder, zero) for _ in rows] for _ in self._vectors]
        for total in self._pairs():
            # The allocation's own store stands before all loops.
            builder.store(zero, self._totals[total[0]][total[1]])

    def loop(self) -> None:
        """Add up all chunks."""
        builder, (vectors, rows) = self._builder, (self._vectors, self._rows)
        with cgutils.for_range(builder, self._chunks) as loop:
            chunk = builder.gep(self._tile, [builder.mul(loop.index, INT64(self._chunk_bytes))])
            with cgutils.for_range(builder, self._lines) as line:
                offset = builder.add(self._ahead, builder.mul(line.index, INT64(CACHE_LINE)))
                prefetch(builder, builder.gep(chunk, [offset]), CACHE_LEVEL_2)
            chunk = builder.gep(chunk, [self._vector])
            begin = [
                broadcast(builder, builder.load(builder.gep(own, [loop.index])), SUMS)
                for own in self._corrections
            ]
            sums = [[begin[row] for row in rows] for _ in vectors]
            lines: list[dict[int, Any]] = [{} for _ in vectors]
            for step in range(STEPS):
                weights = [self._step(builder.gep(chunk, [INT64(v * LINE)]), lines[v], step) for v in vectors]
                position = builder.add(builder.mul(loop.index, INT64(CHUNK)), INT64(step * STEP))
                for row in rows:
                    x = self._multiply.activations(builder.gep(self._activations[row], [position]))
                    for v in vectors:
                        sums[v][row] = self._multiply.add(sums[v][row], weights[v], x)
            self._add_chunk(loop.index, sums)

    def _step(self, vector: Any, lines: dict[int, Any], step: int) -> Any:
        """Return a step's weights, unsigned bytes; lines: those of the chunk's vector that were read."""
        builder, line = self._builder, step * self._bits // 8
        if line not in lines:
            lines[line] = read_vector(builder, builder.gep(vector, [INT64(line * TILE * STEP)]), INT8, LINE)
        if self._bits == 8:
            return lines[line]
        # Two steps share a line: the first has the low halves of its bytes.
        shorts = builder.bitcast(lines[line], SHORTS)
        if step % 2:
            shorts = builder.lshr(shorts, ir.Constant(SHORTS, [4] * SHORTS.count))
        return builder.bitcast(builder.and_(shorts, ir.Constant(SHORTS, [0x0F0F] * SHORTS.count)), BYTES)

    def _add_chunk(self, index: Any, sums: list[list[Any]]) -> None:
        builder = self._builder
        factors = [
            broadcast(builder, builder.load(builder.gep(own, [index])), FLOATS) for own in self._factors
        ]
        for v in self._vectors:
            scale = None
            if self._bits == 4:
                begin_at = builder.add(builder.mul(index, INT64(TILE)), INT64(v * LANES))
                halves = read_vector(builder, builder.gep(self._scales, [begin_at]), HALF, LANES)
                scale = builder.fpext(halves, FLOATS)
            for row in self._rows:
                product = builder.sitofp(sums[v][row], FLOATS)
                if scale is not None:
                    product = builder.fmul(product, scale)
                product = builder.fmul(product, factors[row])
                total = self._totals[v][row]
                builder.store(builder.fadd(builder.load(total), product), total)

    def store(self) -> None:
        """Write the outputs."""
        builder = self._builder
        for v, row in self._pairs():
            result = builder.load(self._totals[v][row])
            begin_at = [INT64(v * LANES)]
            if self._bits == 8:
                scale = read_vector(builder, builder.gep(self._scales, begin_at), FLOAT, LANES)
                result = builder.fmul(result, scale)
            target = builder.bitcast(builder.gep(self._out[row], begin_at), FLOATS.as_pointer())
            builder.store(result, target, align=4)

    def _pairs(self) -> list[tuple[int, int]]:
        return [(v, row) for v in self._vectors for row in self._rows]


def _larger(builder: Any, one: Any, other: Any) -> Any:
    return builder.select(builder.icmp_signed(">", one, other), one, other)
