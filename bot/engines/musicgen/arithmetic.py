"""What a step does to a few numbers at a time, written so that it becomes vector instructions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from bot.engines.musicgen.dots import as_float, stored_as

Array = npt.NDArray[Any]
LOG2_E = np.float32(math.log2(math.e))
TAYLOR = tuple(np.float32(math.log(2) ** n / math.factorial(n)) for n in range(7))
ERF = tuple(
    np.float32(n) for n in (0.3275911, 0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
)


def inner(**options: Any) -> Any:
    """Compile a function for compiled ones to call: that is quicker, and Python cannot call it."""
    return njit(
        cache=True, nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, **options
    )


@inner()
def limit(length: int) -> int:
    """Return the largest int16 whose products with int8 can be summed `length` times in an int32."""
    return min(2**15 - 1, (2**31 - 1) // (127 * length))


@inner()
def narrowed(numbers: Array, most: int, out: Array) -> Any:
    """Fill `out` with numbers [n] as its kind has them, and return what 1 is worth there.

    most: the largest integer to use; 0 leaves them as they are.  If one is not finite, all become zeros,
    worth NaN.
    """
    if most == 0:
        for place in range(len(numbers)):
            out[place] = stored_as(out, numbers[place])
        return np.float32(1)
    if not sound(numbers):
        out[:] = 0
        return np.float32(np.nan)
    scale = np.float32(most) / max(extent(numbers), np.float32(1e-12))
    for place in range(len(numbers)):
        out[place] = stored_as(out, np.rint(numbers[place] * scale))
    return np.float32(1) / scale


@inner()
def soften(numbers: Array) -> None:
    """Replace numbers by their GELU (arXiv:1606.08415), the exact one.

    The error function is 7.1.26 of Abramowitz and Stegun's Handbook, within 1.5e-7.
    """
    root, one, half = np.float32(math.sqrt(0.5)), np.float32(1), np.float32(0.5)
    for place in range(len(numbers)):
        size = abs(numbers[place]) * root
        t = one / (one + ERF[0] * size)
        series = t * (ERF[1] + t * (ERF[2] + t * (ERF[3] + t * (ERF[4] + t * ERF[5]))))
        beyond = half * series * power(-size * size * LOG2_E)
        numbers[place] *= one - beyond if numbers[place] > 0 else beyond


@inner()
def power(exponent: Any) -> Any:
    """Return 2 to an exponent of at most 0, within 2e-7 of it for exponents near 0; what is tiny is 2**-126.

    Taylor's series around the nearest whole exponent.
    """
    exponent = max(exponent, np.float32(-126))
    near = np.rint(exponent)
    rest = exponent - near
    series = TAYLOR[5] + rest * TAYLOR[6]
    series = TAYLOR[3] + rest * (TAYLOR[4] + rest * series)
    series = TAYLOR[0] + rest * (TAYLOR[1] + rest * (TAYLOR[2] + rest * series))
    return series * as_float((np.int32(near) + np.int32(127)) << np.int32(23))


@inner(fastmath={"reassoc"})
def sound(numbers: Array) -> Any:
    """Whether all numbers are finite."""
    nothing = np.float32(0)
    for number in numbers:
        nothing += number * np.float32(0)
    return nothing == 0


@inner(fastmath={"reassoc", "nnan", "nsz"})
def largest(numbers: Array) -> Any:
    """Return the largest of finite numbers."""
    most = np.float32(-np.inf)
    for number in numbers:
        most = number if number > most else most
    return most


@inner(fastmath={"reassoc", "nnan", "nsz"})
def extent(numbers: Array) -> Any:
    """Return the largest magnitude of finite numbers."""
    most = np.float32(0)
    for number in numbers:
        most = abs(number) if abs(number) > most else most
    return most


@inner(fastmath={"reassoc"})
def total(numbers: Array) -> Any:
    """Return the sum."""
    so_far = np.float32(0)
    for number in numbers:
        so_far += number
    return so_far
