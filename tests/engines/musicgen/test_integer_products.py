"""Quantized weights and activations: their products against numpy, and the packed forms."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from bot.engines.musicgen.cpu.backend import bits
from bot.engines.musicgen.cpu.buffers import zeros
from bot.engines.musicgen.cpu.byte_product import LANES
from bot.engines.musicgen.cpu.dot_product import CACHE_LINE, CHUNK
from bot.engines.musicgen.cpu.integer_product import ACTIVATIONS, TILE, quantize_chunks, tile_products
from bot.engines.musicgen.cpu.packing import ByteForm, Form, NibbleForm

FORMS = [pytest.param(ByteForm(), id="int8"), pytest.param(NibbleForm(), id="int4")]


@njit(error_model="numpy")
def quantized(x: Any, scales: Any, out: Any, factors: Any, corrections: Any) -> None:
    for row in range(len(x)):
        start, chunks = row * x.shape[1], x.shape[1] // CHUNK
        quantize_chunks(x, start, chunks, scales, out, start, factors, corrections, row * chunks)


@njit(error_model="numpy")
def products(
    values: Any, scales: Any, x: Any, factors: Any, corrections: Any, out: Any, vectors: Any, rows: Any
) -> None:
    chunks = x.shape[1] // CHUNK
    for tile in range(len(values)):
        for vector in range(0, TILE // LANES, len(vectors)):
            for row in range(0, len(x), len(rows)):
                tile_products(
                    values, scales, tile, vector, chunks, x, row * x.shape[1], x.shape[1], factors,
                    corrections, row * chunks, chunks, out,
                    row * out.shape[1] + tile * TILE + vector * LANES, out.shape[1], 0, 2, vectors, rows,
                )  # fmt: skip


def packed(form: Form, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    values, scales = form.allocate(1, *weight.shape)
    form.pack(weight, values[0], scales[0])
    return values[0], scales[0]


def activations(x: np.ndarray, scales: torch.Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    chunks = len(x), x.shape[1] // CHUNK
    out: np.ndarray = np.ones(x.shape, ACTIVATIONS)
    factors = np.ones(chunks, np.float32)
    corrections = np.ones(chunks, np.int32)
    quantized(x, bits(scales), out, factors, corrections)
    return out, factors, corrections


def in_order(stored: np.ndarray) -> np.ndarray:
    """Return quantized activations in the order of the inputs."""
    if ACTIVATIONS is np.int8:
        return stored
    return stored.reshape(len(stored), -1, 4)[..., [0, 2, 1, 3]].reshape(stored.shape)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("vectors", [1, 2])
@pytest.mark.parametrize("rows", [1, 2, 4])
@pytest.mark.parametrize("chunks", [1, 3, 32])
def test_products_are_numpys_of_the_unpacked_matrix(form: Form, vectors: int, rows: int, chunks: int) -> None:
    rng = np.random.default_rng(chunks)
    weight = torch.from_numpy(rng.normal(0, 0.02, (3 * TILE, chunks * CHUNK)).astype(np.float32))
    x = rng.normal(0, 1, (4, chunks * CHUNK)).astype(np.float32)
    # Where the largest integers meet, an instruction that saturates at 16 bits would be wrong.
    x[0], weight[5] = 1, 0.02
    values, scales = packed(form, weight)
    own = activations(x, scales)
    out = np.zeros((4, 3 * TILE), np.float32)
    products(values.numpy(), bits(scales), *own, out, (0,) * vectors, (0,) * rows)
    widened = in_order(own[0]).astype(np.float64) * own[1].astype(np.float64).repeat(CHUNK, 1)
    matrix = form.unpack(values, scales).double().numpy()
    assert np.abs(out - widened @ matrix.T).max() < 2e-6 * (np.abs(widened) @ np.abs(matrix).T).max()


@pytest.mark.parametrize("form", FORMS)
def test_no_bit_depends_on_how_many_rows_are_multiplied_at_once(form: Form) -> None:
    rng = np.random.default_rng(1)
    values, scales = packed(
        form, torch.from_numpy(rng.normal(0, 1, (2 * TILE, 5 * CHUNK)).astype(np.float32))
    )
    own = activations(rng.normal(0, 1, (4, 5 * CHUNK)).astype(np.float32), scales)
    found = []
    for vectors, rows in ((1, 1), (1, 4), (2, 2), (2, 4)):
        out = np.zeros((4, 2 * TILE), np.float32)
        products(values.numpy(), bits(scales), *own, out, (0,) * vectors, (0,) * rows)
        found.append(out)
    assert found[0].any()
    assert all((out == found[0]).all() for out in found)


def test_a_vector_of_weights_or_of_the_cache_is_one_cache_line() -> None:
    for form in (ByteForm(), NibbleForm()):
        values, _ = form.allocate(1, TILE, CHUNK)
        assert values.data_ptr() % CACHE_LINE == 0
    for count in (1, 2):
        numbers = zeros(np.uint16, count, 2**20 + 1)
        assert numbers.shape == (count, 2**20 + 1)
        assert not numbers.any()
        assert numbers.ctypes.data % CACHE_LINE == 0


@given(
    st.lists(st.floats(-(2.0**90), 2.0**90, width=32, allow_subnormal=False), min_size=1, max_size=2 * CHUNK)
)
@settings(max_examples=60, deadline=None)
def test_activations_are_within_half_a_step_of_their_chunk(numbers: list[float]) -> None:
    x = np.zeros((1, 2 * CHUNK), np.float32)
    x[0, : len(numbers)] = numbers
    stored, factors, corrections = activations(x, torch.ones(1))
    whole = in_order(stored)
    assert np.abs(whole.astype(np.int64)).max() <= 127
    steps = factors.astype(np.float64).repeat(CHUNK, 1)
    assert (np.abs(whole * steps - x) <= 0.5001 * steps).all()
    assert (corrections == -128 * whole.reshape(2, CHUNK).astype(np.int32).sum(1)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_chunk_with_a_value_that_is_not_finite_gets_a_nan_factor(bad: float) -> None:
    x = np.ones((1, 2 * CHUNK), np.float32)
    x[0, 3] = bad
    stored, factors, corrections = activations(x, torch.ones(1, dtype=torch.float16))
    assert np.isnan(factors[0, 0])
    assert factors[0, 1] == np.float32(1) / np.float32(127)
    assert not stored[0, :CHUNK].any()
    assert corrections.tolist() == [[0, -8 * 127 * CHUNK]]


@pytest.mark.parametrize(("form", "step"), [(ByteForm(), 1 / 127), (NibbleForm(), 1 / 8)])
def test_an_unpacked_matrix_is_within_half_a_step_of_its_weights(form: Form, step: float) -> None:
    weight = torch.randn(2 * TILE, 4 * CHUNK, generator=torch.Generator().manual_seed(0))
    weight[7], weight[8] = 0, -weight[9]
    error = (form.unpack(*packed(form, weight)) - weight).abs()
    groups = weight.view(
        2 * TILE, -1 if isinstance(form, NibbleForm) else 1, CHUNK * (1 if step > 0.1 else 4)
    )
    largest = groups.abs().amax(-1, keepdim=True).expand_as(groups).reshape(weight.shape)
    # In int4 the other end is one step short, and a share of the largest weight may be given up for the rest.
    assert (error <= (0.5001 if step < 0.1 else 2.2) * step * largest).all()
    assert error[7].max() == 0
    mean = float(error.mean() / weight.abs().mean())
    assert mean < (0.01 if step < 0.1 else 0.09)


def test_int4_refuses_weights_beyond_the_range_of_its_scales() -> None:
    with pytest.raises(ValueError, match="beyond fp16's range"):
        packed(NibbleForm(), torch.full((TILE, CHUNK), 1e6))
