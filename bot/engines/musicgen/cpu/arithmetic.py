"""Element-wise functions, reductions and quantization of the CPU kernels, vectorised by LLVM."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from bot.engines.musicgen.cpu.dot_product import bitcast_float32, cast_to
from bot.engines.musicgen.cpu.reductions import (
    add_up,
    largest,
    largest_magnitude_bits,
    squared_distances,
)

Array = npt.NDArray[Any]
MAX_FLOAT32 = np.float32(np.finfo(np.float32).max)
LOG2_E = np.float32(math.log2(math.e))
EXP2_TAYLOR = tuple(np.float32(math.log(2) ** n / math.factorial(n)) for n in range(7))
"""Coefficients of Taylor's series of 2 to the x around 0."""
ERF = tuple(
    np.float32(n) for n in (0.3275911, 0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
)
"""p and a1 to a5 of Abramowitz and Stegun's approximation 7.1.26 of the error function."""


def kernel_function(**options: Any) -> Any:
    """Compile a function that only compiled functions call.

    Without the wrappers for Python the compilation takes half the time; calling one from Python crashes the
    process, so tests wrap it in a compiled function or call its `py_func`.
    Nothing is allocated in a step, so the arrays' reference counts are left alone (_nrt): every slice of one
    would cost two atomic operations. Eight clips took 10 to 15 % longer with them.
    """
    return njit(
        cache=True,
        nogil=True,
        error_model="numpy",
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
        _nrt=False,
        **options,
    )


@kernel_function()
def cast_values(values: Array, out: Array) -> None:
    """Fill `out` with values float32 [n] in its own dtype."""
    for i in range(len(values)):
        out[i] = cast_to(out, values[i])


@kernel_function()
def quantization_scale(values: Array, highest: int) -> Any:
    """Return the factor that takes float32 values to ±highest.

    If a value is not finite, the factor is NaN and all values become zero: the NaN reaches the logits, where
    the clip is refused, instead of turning into an arbitrary integer.
    """
    largest = max_abs(values)
    if not largest <= MAX_FLOAT32:
        values[:] = 0
        return np.float32(np.nan)
    return np.float32(highest) / max(largest, np.float32(1e-12))


@kernel_function()
def gelu_in_place(values: Array) -> None:
    """Replace values by their exact GELU (arXiv:1606.08415), not the tanh approximation.

    The error function is 7.1.26 of Abramowitz and Stegun's Handbook of Mathematical Functions, absolute
    error below 1.5e-7.
    """
    root_half, one, half = np.float32(math.sqrt(0.5)), np.float32(1), np.float32(0.5)
    for i in range(len(values)):
        x = abs(values[i]) * root_half
        t = one / (one + ERF[0] * x)
        series = t * (ERF[1] + t * (ERF[2] + t * (ERF[3] + t * (ERF[4] + t * ERF[5]))))
        # Upper tail of the normal distribution, (1 - erf(x)) / 2: no cancellation for large negative values.
        tail = half * series * exp2(-x * x * LOG2_E)
        values[i] *= one - tail if values[i] > 0 else tail


@kernel_function()
def exp2(exponent: Any) -> Any:
    """Return 2 to an exponent ≤ 0, relative error below 2e-7 near 0; exponents below -126 give 2**-126.

    Taylor's series around the nearest integer, whose power is written into the exponent bits.
    """
    exponent = max(exponent, np.float32(-126))
    integer = np.rint(exponent)
    rest = exponent - integer
    series = EXP2_TAYLOR[5] + rest * EXP2_TAYLOR[6]
    series = EXP2_TAYLOR[3] + rest * (EXP2_TAYLOR[4] + rest * series)
    series = EXP2_TAYLOR[0] + rest * (EXP2_TAYLOR[1] + rest * (EXP2_TAYLOR[2] + rest * series))
    return series * bitcast_float32((np.int32(integer) + np.int32(127)) << np.int32(23))


@kernel_function()
def softmax(scores: Array) -> None:
    """Replace scores by their softmax, or by NaN if one is not finite."""
    if not max_abs(scores) <= MAX_FLOAT32:
        # The comparisons of `maximum` and `exp2` would hide a NaN.
        scores[:] = np.nan
        return
    highest = maximum(scores)
    for position in range(len(scores)):
        scores[position] = exp2((scores[position] - highest) * LOG2_E)
    total = reduce_sum(scores)
    for position in range(len(scores)):
        scores[position] /= total


@kernel_function()
def max_abs(values: Array) -> Any:
    """Return the largest magnitude; infinity or NaN where a value is not finite."""
    # Without their sign, the bits of floats are ordered like the floats, infinity and NaN above all others.
    return bitcast_float32(largest_magnitude_bits(values, np.float32(0)))


@kernel_function()
def maximum(values: Array) -> Any:
    """Return the largest of finite values."""
    return largest(values, np.float32(0))


@kernel_function()
def reduce_sum(values: Array) -> Any:
    """Return the sum of values."""
    return add_up(values, np.float32(0))


@kernel_function()
def squared_deviations(values: Array, mean: Any) -> Any:
    """Return the sum of (value - mean)²."""
    return squared_distances(values, mean)
