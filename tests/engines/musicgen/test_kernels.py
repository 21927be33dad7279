"""The CPU kernels against numpy, and their independence of slots and threads."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from bot.engines.musicgen.cpu import arithmetic, backend, columns, compile
from bot.engines.musicgen.cpu.dot_product import CHUNK, dot_products
from bot.engines.musicgen.decoder import Decoder
from bot.engines.musicgen.linear import DTYPES, Precision, precisions_on
from tests.engines.musicgen.reference import TINY, Forced, Reference, decoded, reference
from tests.engines.musicgen.test_decoder import row


@njit(error_model="numpy")
def products(
    stored: Any, apart: int, x: Any, stride: int, length: int, outputs: tuple[int, ...], rows: tuple[int, ...]
) -> Any:
    return dot_products(stored, 0, apart, CHUNK, x, 0, stride, length, outputs, rows)


@njit(error_model="numpy")
def scaling(numbers: Any, highest: int) -> Any:
    return arithmetic.quantization_scale(numbers, highest)


@njit(error_model="numpy")
def powers(numbers: Any) -> None:
    for index in range(len(numbers)):
        numbers[index] = arithmetic.exp2(numbers[index])


@njit(error_model="numpy")
def gelu_in_place(numbers: Any) -> None:
    arithmetic.gelu_in_place(numbers)


@pytest.mark.parametrize("kind", DTYPES)
@pytest.mark.parametrize("outputs", [1, 2, 8])
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_dot_products_are_numpys(kind: str, outputs: int, rows: int) -> None:
    for length in (CHUNK, 3 * CHUNK, 1024):
        rng = np.random.default_rng(length)
        weights = torch.from_numpy(rng.normal(0, 1, (outputs, length)))
        stored = weights.to(DTYPES[kind])
        x = rng.normal(0, 1, (rows, length + 5)).astype(np.float32)
        found = products(backend.bits(stored), length, x, length + 5, length, (0,) * outputs, (0,) * rows)
        expected = stored.double().numpy() @ x[:, :length].astype(np.float64).T
        # Sums of floats differ by their order.
        tolerance = 1e-6 * np.abs(x[:, :length]).sum(1).max()
        assert np.abs(np.array(found).reshape(outputs, rows) - expected).max() <= tolerance


@given(st.lists(st.floats(-(2.0**90), 2.0**90, width=32, allow_subnormal=False), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_a_scale_takes_the_largest_magnitude_to_the_largest_integer(numbers: list[float]) -> None:
    x = np.array(numbers, np.float32)
    largest = max(np.abs(x).max(), np.float32(1e-12))
    assert scaling(x.copy(), 127) * largest == pytest.approx(127, rel=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_becomes_a_nan_scale(bad: float) -> None:
    x = np.array([1, bad, 2], np.float32)
    assert np.isnan(scaling(x, 127))
    assert not x.any()


def test_powers_of_two_and_gelu_are_exact_to_rounding() -> None:
    exponents = np.linspace(-126, 0, 10_001, dtype=np.float32)
    found = exponents.copy()
    powers(found)
    assert np.abs(found / np.exp2(exponents.astype(np.float64)) - 1).max() < 3e-7
    numbers = np.linspace(-12, 12, 10_001, dtype=np.float32)
    found = numbers.copy()
    gelu_in_place(found)
    expected = torch.nn.functional.gelu(torch.from_numpy(numbers).double()).numpy()
    assert np.abs(found - expected).max() < 1e-6


@pytest.fixture(scope="module")
def tiny() -> Reference:
    return reference(**TINY)


@pytest.mark.parametrize("precision", precisions_on("cpu"))
def test_no_bit_depends_on_slots_or_threads(
    precision: Precision, tiny: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny.ours(precision)  # read before torch says another number of threads, which it would restore

    def logits(slots: int, threads: int) -> np.ndarray:
        monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
        monkeypatch.setattr(backend, "SINGLE_THREAD_WEIGHTS", 0)
        decoder, forced = Decoder(model, slots, window=40, stride=20), Forced(tiny.columns(6))
        for number in range(slots - 1):
            decoder.admit(row(tiny, number))
        decoded(decoder, row(tiny, 2, sampler=forced))
        return np.stack(forced.logits)

    alone = logits(1, 1)
    for slots, threads in ((1, 2), (1, 3), (4, 2), (8, 1), (16, 3)):
        assert (logits(slots, threads) == alone).all()


def test_the_usual_precisions_can_be_compiled_ahead() -> None:
    compile.main()
    cached = {str(signature) for signature in columns.decode.signatures}
    assert len(cached) >= len(compile.USUAL)
