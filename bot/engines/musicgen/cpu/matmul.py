"""A thread's part of a product of activation rows with a layer's matrix, in the form of the matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core import types
from numba.extending import overload

from bot.engines.musicgen.cpu.arithmetic import Array, kernel_function
from bot.engines.musicgen.cpu.buffers import Activations, Matrix, ThreadScratch, ThreadShare, own_part
from bot.engines.musicgen.cpu.byte_product import LANES
from bot.engines.musicgen.cpu.dot_product import (
    CACHE_LINE,
    CHUNK,
    INTERLEAVED,
    PREFETCH_BYTES,
    dot_products,
)
from bot.engines.musicgen.cpu.integer_product import (
    TILE,
    VECTORS,
    quantize_chunks,
    tile_products,
)
from bot.engines.musicgen.cpu.processor import stored_rows, target_features, tile_shape

# Tuples whose length tells numba, at compile time, how many rows a product takes: of activations, and stored.
ONE, TWO, FOUR = (0,), (0, 0), (0, 0, 0, 0)
BY_ONE, BY_TWO, BY_FOUR = (
    (0,) * stored_rows(len(rows), target_features(), INTERLEAVED) for rows in (ONE, TWO, FOUR)
)
QUANTIZED_ONE, QUANTIZED_TWO, QUANTIZED_FOUR, QUANTIZED_EIGHT = (
    tuple((0,) * count for count in tile_shape(rows, target_features(), VECTORS)) for rows in (1, 2, 4, 8)
)


@kernel_function()
def matmul(
    share: ThreadShare, matrix: Matrix, layer: int, x: Array, rows: int, out: Array, scratch: ThreadScratch
) -> None:
    """Fill this thread's columns of out [rows, out] with x [rows, in] times a layer's matrix, transposed."""
    convert(matrix, x, rows, 0, matrix.values.shape[2] * CHUNK, scratch.activations)
    multiply(share, matrix, layer, scratch.activations, rows, out)


def convert(matrix: Matrix, x: Array, rows: int, first: int, last: int, out: Activations) -> None:
    """Fill columns [first, last) of out with those of x [rows, in], as they are multiplied with a matrix.

    Where they are quantized, they are whole chunks.
    """
    raise TypeError("convert is for compiled functions")


@overload(convert, jit_options={"error_model": "numpy", "_nrt": False})
def _convert_for(
    matrix: Matrix, x: Array, rows: int, first: int, last: int, out: Activations
) -> Callable[..., None]:
    """Return the form of `convert` by the matrix; the arguments are numba's types, not values."""
    form: Callable[..., None] = (_convert_quantized if _is_quantized(matrix) else _convert_floats).py_func
    return form


@kernel_function()
def _convert_floats(matrix: Matrix, x: Array, rows: int, first: int, last: int, out: Activations) -> None:
    for row in range(rows):
        for i in range(first, last):
            out.values[row, i] = x[row, i]


@kernel_function()
def _convert_quantized(matrix: Matrix, x: Array, rows: int, first: int, last: int, out: Activations) -> None:
    for row in range(rows):
        quantize_chunks(
            x, row * x.shape[1] + first, (last - first) // CHUNK, matrix.scales, out.values,
            row * out.values.shape[1] + first, out.factors, out.corrections,
            row * out.factors.shape[1] + first // CHUNK,
        )  # fmt: skip


def multiply(share: ThreadShare, matrix: Matrix, layer: int, x: Activations, rows: int, out: Array) -> None:
    """Fill this thread's columns of out [rows, out] with x times a layer's matrix, transposed."""
    raise TypeError("multiply is for compiled functions")


@overload(multiply, jit_options={"error_model": "numpy", "_nrt": False})
def _multiply_for(
    share: ThreadShare, matrix: Matrix, layer: int, x: Activations, rows: int, out: Array
) -> Callable[..., None]:
    """Return the form of `multiply` by the matrix; the arguments are numba's types, not values."""
    form: Callable[..., None] = (_multiply_quantized if _is_quantized(matrix) else _multiply_floats).py_func
    return form


def _is_quantized(matrix: Any) -> bool:
    """Tell it by the numba type of a matrix."""
    quantized: bool = matrix.types[0].dtype == types.uint8
    return quantized


@kernel_function()
def _multiply_floats(
    share: ThreadShare, matrix: Matrix, layer: int, x: Activations, rows: int, out: Array
) -> None:
    first_tile, last_tile = own_part(share, matrix.values.shape[1])
    for tile in range(first_tile, last_tile):
        for row in range(0, rows - rows % 4, 4):
            dot_tile(matrix, layer, tile, x.values, row, out, BY_FOUR, FOUR)
        for row in range(rows - rows % 4, rows - rows % 2, 2):
            dot_tile(matrix, layer, tile, x.values, row, out, BY_TWO, TWO)
        for row in range(rows - rows % 2, rows):
            dot_tile(matrix, layer, tile, x.values, row, out, BY_ONE, ONE)


@kernel_function()
def _multiply_quantized(
    share: ThreadShare, matrix: Matrix, layer: int, x: Activations, rows: int, out: Array
) -> None:
    first_tile, last_tile = own_part(share, matrix.values.shape[1])
    by_eight = rows - rows % len(QUANTIZED_EIGHT[1])
    by_four = rows - rows % len(QUANTIZED_FOUR[1])
    by_two = rows - rows % len(QUANTIZED_TWO[1])
    passes = rows - by_two + (by_two - by_four) // len(QUANTIZED_TWO[1])
    passes += (by_four - by_eight) // len(QUANTIZED_FOUR[1]) + by_eight // len(QUANTIZED_EIGHT[1])
    for tile in range(first_tile, last_tile):
        for row in range(0, by_eight, len(QUANTIZED_EIGHT[1])):
            quantized_tile(matrix, layer, tile, x, row, out, passes, QUANTIZED_EIGHT)
        for row in range(by_eight, by_four, len(QUANTIZED_FOUR[1])):
            quantized_tile(matrix, layer, tile, x, row, out, passes, QUANTIZED_FOUR)
        for row in range(by_four, by_two, len(QUANTIZED_TWO[1])):
            quantized_tile(matrix, layer, tile, x, row, out, passes, QUANTIZED_TWO)
        for row in range(by_two, rows):
            quantized_tile(matrix, layer, tile, x, row, out, passes, QUANTIZED_ONE)


@kernel_function()
def dot_tile(
    matrix: Matrix, layer: int, tile: int, x: Array, row: int, out: Array,
    outputs: tuple[int, ...], rows: tuple[int, ...],
) -> None:  # fmt: skip
    """Fill a tile's outputs of len(rows) rows from `row` on, len(outputs) at a time."""
    _, tiles, chunks, interleaved, _ = matrix.values.shape
    start, stride = (layer * tiles + tile) * chunks * interleaved * CHUNK, x.shape[1]
    for first in range(0, interleaved, len(outputs)):
        sums = dot_products(
            matrix.values, start + first * CHUNK, CHUNK, interleaved * CHUNK, x,
            row * stride, stride, chunks * CHUNK, outputs, rows,
        )  # fmt: skip
        for i in range(len(outputs)):
            for j in range(len(rows)):
                out[row + j, tile * interleaved + first + i] = sums[i * len(rows) + j]


@kernel_function()
def quantized_tile(
    matrix: Matrix, layer: int, tile: int, x: Activations, row: int, out: Array, passes: int,
    shape: Any,
) -> None:  # fmt: skip
    """Fill a tile's outputs of some rows from `row` on; shape: tuples as long as `tile_shape` says.

    passes: how often this tile is read, once for each few rows.
    """
    _, tiles, chunks, steps = matrix.values.shape[:4]
    vectors, rows = shape
    chunk_lines = steps * VECTORS
    ahead = PREFETCH_BYTES
    if passes > 1:
        # Every pass fetches all of the next tile: else the first would wait for it, and the others, which
        # find the tile in the cache, would leave the memory idle. A processor drops a prefetch when it has
        # too many under way: the next pass makes up for it.
        ahead = chunks * chunk_lines * CACHE_LINE
    for vector in range(0, VECTORS, len(vectors)):
        tile_products(
            matrix.values, matrix.scales, layer * tiles + tile, vector, chunks, x.values,
            row * x.values.shape[1], x.values.shape[1], x.factors, x.corrections, row * x.factors.shape[1],
            x.factors.shape[1], out, row * out.shape[1] + tile * TILE + vector * LANES, out.shape[1], ahead,
            chunk_lines, vectors, rows,
        )  # fmt: skip
