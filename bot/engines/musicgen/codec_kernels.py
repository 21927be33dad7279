"""Compiled parts of the codec on a CPU: the LSTM's recurrence, ELU, and the convolution to one channel.

A step of the LSTM multiplies its state with a matrix that is read anew for every frame, so its bytes are its
time. They are stored as int16 with a scale for each output, multiplied and summed in fp32: an error of
4 · 10⁻⁶ of the loudest sample, where fp16 makes 2 · 10⁻⁵.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic

from bot.engines.musicgen.cpu.arithmetic import LOG2_E, Array, exp2, kernel_function
from bot.engines.musicgen.cpu.dot_product import (
    BYTES,
    CACHE_LEVEL_1,
    CACHE_LINE,
    CHUNK,
    FLOAT,
    INT8,
    INT16,
    INT32,
    INT64,
    dot_products,
    prefetch,
    read_vector,
)
from bot.engines.musicgen.cpu.processor import accumulators, target_features

LANES = 16
VECTORS = 8
TILE = LANES * VECTORS
"""Outputs whose weights are stored together, input by input."""
AHEAD = 8 * TILE * 2
"""Distance of the prefetch in bytes: eight inputs."""
LARGEST = 2**15 - 1


def _form(rows: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return tuples as long as the vectors of outputs and the rows that are multiplied at once."""
    return (0,) * max(1, min(VECTORS, accumulators(target_features()) // rows)), (0,) * rows


ONE, TWO = _form(1), _form(2)


def pack(weight: torch.Tensor) -> tuple[Array, Array]:
    """Return a matrix float32 [out, in] as int16 [tiles, in, TILE], and its scales float32 [tiles · TILE]."""
    out, width = weight.shape
    whole = torch.nn.functional.pad(weight, (0, 0, 0, -out % TILE))
    scales = whole.abs().amax(1).clamp_min(1e-30) / LARGEST
    values = (whole / scales[:, None]).round_().to(torch.int16)
    return values.view(-1, TILE, width).transpose(1, 2).contiguous().numpy(), scales.numpy()


@intrinsic
def _column_sums(
    typingctx: Any, values: Any, start: Any, length: Any, x: Any, out: Any, out_start: Any, out_stride: Any,
    vectors: Any, rows: Any,
) -> Any:  # fmt: skip
    """Write the products of x float32 [rows, length] with some of a tile's outputs, without their scales.

    values: of `pack`; the first of the outputs' weights is number `start`, and those of the next input stand
    TILE further on.  out: float32; row i's begin at out_start + i · out_stride.  vectors, rows: tuples whose
    lengths, known at compile time, count vectors of LANES outputs and rows.  A sum goes through the inputs
    in order, on every processor.
    """
    signature = types.void(values, start, length, x, out, out_start, out_stride, vectors, rows)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        stored, given, result = (
            context.make_array(signature.args[i])(context, builder, arguments[i]).data for i in (0, 3, 4)
        )
        _, start, length, _, _, out_start, out_stride, _, _ = arguments
        wide, whole = ir.VectorType(FLOAT, LANES), ir.VectorType(INT32, LANES)
        zero, nothing = ir.Constant(wide, [0.0] * LANES), ir.Constant(wide, ir.Undefined)
        sums = [[cgutils.alloca_once_value(builder, zero) for _ in vectors] for _ in rows]
        for total in (total for own in sums for total in own):
            # The allocation's own store stands before all loops.
            builder.store(zero, total)
        first = builder.gep(stored, [start])
        with cgutils.for_range(builder, length) as loop:
            column = builder.gep(first, [builder.mul(loop.index, INT64(TILE))])
            begin = builder.bitcast(column, INT8.as_pointer())
            for line in range(0, len(vectors) * LANES * BYTES[INT16], CACHE_LINE):
                prefetch(builder, builder.gep(begin, [INT64(AHEAD + line)]), CACHE_LEVEL_1)
            inputs = []
            for row in range(len(rows)):
                position = builder.add(builder.mul(length, INT64(row)), loop.index)
                scalar = builder.load(builder.gep(given, [position]))
                lane = builder.insert_element(nothing, scalar, INT32(0))
                inputs.append(builder.shuffle_vector(lane, nothing, ir.Constant(whole, [0] * LANES)))
            for vector in range(len(vectors)):
                shorts = read_vector(builder, builder.gep(column, [INT64(vector * LANES)]), INT16, LANES)
                weights = builder.sitofp(builder.sext(shorts, whole), wide)
                for own, value in zip(sums, inputs, strict=True):
                    product = builder.fmul(weights, value, flags=("contract",))
                    total = builder.fadd(builder.load(own[vector]), product, flags=("contract",))
                    builder.store(total, own[vector])
        for row, own in enumerate(sums):
            for vector, total in enumerate(own):
                position = builder.add(out_start, builder.mul(out_stride, INT64(row)))
                pointer = builder.gep(result, [builder.add(position, INT64(vector * LANES))])
                builder.store(builder.load(total), builder.bitcast(pointer, wide.as_pointer()), align=4)
        return context.get_dummy_value()

    return signature, generate


@kernel_function()
def _sigmoid(x: Any) -> Any:
    small = exp2(-abs(x) * LOG2_E)
    return (np.float32(1) if x > 0 else small) / (np.float32(1) + small)


@kernel_function()
def _tanh(x: Any) -> Any:
    small = exp2(np.float32(-2) * abs(x) * LOG2_E)
    size = (np.float32(1) - small) / (np.float32(1) + small)
    return size if x > 0 else -size


@njit(cache=True, nogil=True, error_model="numpy")
def recur(
    gates: Array, values: Array, scales: Array, hidden: Array, cell: Array, out: Array, form: Any
) -> None:
    """Run an LSTM layer over frames: torch.nn.LSTM's equations, whose gates are input, forget, cell, output.

    gates: float32 [rows, frames, 4 · width], the inputs' products with both biases.  values, scales: of
    `pack`, the matrix [4 · width, width].  hidden, cell: float32 [rows, width], the state, which is replaced.
    out: float32 [rows, frames, width], filled with the hidden states.  form: ONE or TWO, by the rows.
    """
    rows, frames, _ = gates.shape
    width = hidden.shape[1]
    tiles, vectors = len(values), len(form[0])
    sums = np.empty((rows, tiles * TILE), np.float32)
    for frame in range(frames):
        for tile in range(tiles):
            for vector in range(0, VECTORS, vectors):
                inside = vector * LANES
                _column_sums(
                    values, tile * width * TILE + inside, width, hidden, sums, tile * TILE + inside,
                    tiles * TILE, form[0], form[1],
                )  # fmt: skip
        for row in range(rows):
            recurrent, own = sums[row], gates[row, frame]
            state, memory, result = hidden[row], cell[row], out[row, frame]
            for i in range(width):
                enter = _sigmoid(own[i] + recurrent[i] * scales[i])
                keep = _sigmoid(own[width + i] + recurrent[width + i] * scales[width + i])
                new = _tanh(own[2 * width + i] + recurrent[2 * width + i] * scales[2 * width + i])
                leave = _sigmoid(own[3 * width + i] + recurrent[3 * width + i] * scales[3 * width + i])
                memory[i] = keep * memory[i] + enter * new
                state[i] = leave * _tanh(memory[i])
                result[i] = state[i]


@njit(cache=True, nogil=True, error_model="numpy")
def elu(x: Array, out: Array) -> None:
    """Fill out with ELU of x, both float32 [frames, width]: x where it is positive, else exp(x) - 1."""
    one = np.float32(1)
    for frame in range(len(x)):
        source, target = x[frame], out[frame]
        for i in range(len(source)):
            value = source[i]
            target[i] = value if value > 0 else exp2(value * LOG2_E) - one


TOGETHER = (0,) * 8
"""As long as there are outputs of a convolution to one channel whose weights are read once."""


@njit(cache=True, nogil=True, error_model="numpy")
def convolve_to_one(x: Array, weight: Array, bias: Array, out: Array) -> None:
    """Fill out float32 [frames] with the convolution of x float32 [frames + kernel - 1, width].

    weight: float32 [kernel * width], a multiple of CHUNK.  bias: float32 [1].
    An output is a product with contiguous inputs, and a sum has one order whatever it is computed beside.
    """
    width, together = x.shape[1], len(TOGETHER)
    whole = len(out) // together * together
    for first in range(0, whole, together):
        sums = dot_products(
            weight, 0, 0, CHUNK, x, first * width, width, len(weight), (0,), TOGETHER
        )  # fmt: skip
        for i in range(together):
            out[first + i] = sums[i] + bias[0]
    for frame in range(whole, len(out)):
        sums_of_one = dot_products(weight, 0, 0, CHUNK, x, frame * width, width, len(weight), (0,), (0,))
        out[frame] = sums_of_one[0] + bias[0]
