"""Where weights go and in which precision: on no machine of the tests' own, so by sizes alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engines.diffusion.placing import BYTES, ROOM, Placing, chosen_dtype, placing


@pytest.mark.parametrize(
    ("asked", "device", "has_bfloat16", "chosen"),
    [
        ("auto", "cpu", True, "float32"),
        ("auto", "mps", True, "float32"),
        ("auto", "cuda", True, "bfloat16"),
        ("auto", "cuda:1", False, "float16"),
        ("float16", "cpu", True, "float16"),
        ("float32", "cuda", True, "float32"),
    ],
)
def test_precision_follows_the_device_unless_asked(
    asked: str, device: str, has_bfloat16: bool, chosen: str
) -> None:
    assert chosen_dtype(asked, device, has_bfloat16=has_bfloat16) == chosen


SIZES = st.integers(1, 10**10)


@given(st.lists(SIZES, min_size=1, max_size=8), st.sampled_from(sorted(BYTES)), st.integers(0, 10**11))
def test_no_placing_asks_for_more_than_there_is_and_more_memory_is_never_worse(
    parts: list[int], dtype: str, free: int
) -> None:
    chosen = placing(sum(parts), max(parts), dtype, free)
    needed = {Placing.RESIDENT: sum(parts), Placing.PARTS: max(parts), Placing.LAYERS: 0}
    assert needed[chosen] * BYTES[dtype] <= ROOM * free
    order = list(Placing)
    assert order.index(placing(sum(parts), max(parts), dtype, 2 * free)) <= order.index(chosen)
