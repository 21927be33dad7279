"""The quantized cache and attention over it, against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from bot.engines.musicgen.cpu import quantized_attention
from bot.engines.musicgen.cpu.buffers import BLOCK, Activations, KVCache, ThreadScratch
from bot.engines.musicgen.cpu.byte_product import LANES, STEP
from bot.engines.musicgen.cpu.cache_product import MAX_OPERAND, OPERAND, ZERO_POINT, fill_operand
from bot.engines.musicgen.cpu.quantized_attention import GROUP

SLOTS, HEADS = 2, 3
INDEX = 1
"""Which of the heads that go through attention together."""


@njit(error_model="numpy")
def store(cache: Any, slot: int, head: int, position: int, key: Any, value: Any, scratch: Any) -> None:
    quantized_attention.store_kv(cache, 0, slot, head, position, key, value, scratch)


@njit(error_model="numpy")
def attend(cache: Any, slot: int, head: int, length: int, query: Any, scratch: Any, out: Any) -> None:
    number = slot * cache.keys.shape[2] + head
    quantized_attention.quantize_query(INDEX, query, scratch)
    quantized_attention.attention_scores(cache, number, length, len(query), INDEX, scratch, 0)
    quantized_attention.attention_weights(cache.value_scales[0, slot, head], length, INDEX, scratch)
    quantized_attention.attention_output(cache, number, length, INDEX, scratch, out, 0)


@njit(error_model="numpy")
def split(numbers: Any, scale: Any, operand: Any, low: int) -> Any:
    return fill_operand(numbers, scale, operand, 0, low)


@njit(error_model="numpy")
def max_operand(terms: int) -> Any:
    return quantized_attention.max_operand(terms)


def empty_cache(width: int, length: int) -> KVCache:
    positions, padded = -(-length // GROUP) * GROUP, -(-width // LANES) * LANES
    lead = 1, SLOTS, HEADS
    # What an earlier clip has left: no byte of it may matter.
    return KVCache(
        keys=np.full((*lead, positions // LANES, padded // STEP, LANES, STEP), 255, np.uint8),
        values=np.full((*lead, positions // STEP, padded // LANES, LANES, STEP), 255, np.uint8),
        key_scales=np.full((*lead, positions), np.nan, np.float32),
        value_scales=np.full((*lead, positions), np.nan, np.float32),
    )


def scratch_for(width: int, length: int) -> ThreadScratch:
    context, padded = -(-max(length, width) // GROUP) * GROUP, -(-width // LANES) * LANES
    unused = np.zeros((1, 1), np.float32)
    return ThreadScratch(
        x=unused, normalized=unused, feed_forward=unused,
        activations=Activations(unused, unused, np.zeros((1, 1), np.int32)),
        scores=np.zeros((2, context), np.float32),
        operand=np.zeros((2, 2 * context), OPERAND), operand_scales=np.zeros(2, np.float32),
        operand_begins=np.zeros((2, context), np.int32), weighted=np.zeros(padded, np.float32),
    )  # fmt: skip


def in_order(operand: np.ndarray, count: int) -> np.ndarray:
    """Return an operand's integers in the order of its numbers."""
    if OPERAND is np.int8:
        low = len(operand) // 2
        return np.array(operand[:count].astype(np.int64) * 256 + operand[low : low + count])
    return operand[:count].reshape(-1, STEP)[:, [0, 2, 1, 3]].reshape(-1).astype(np.int64)


@pytest.mark.parametrize("width", [8, 24, 64, 80, 128])
@pytest.mark.parametrize("length", [1, 15, 64, 129, 300])
def test_attention_is_numpys_over_the_numbers_that_were_stored(width: int, length: int) -> None:
    rng = np.random.default_rng(width * length)
    cache, scratch = empty_cache(width, length), scratch_for(width, length)
    keys, values = rng.normal(0, 1, (2, HEADS, length, width)).astype(np.float32)
    for head in range(HEADS):
        for position in range(length):
            store(cache, 1, head, position, keys[head, position], values[head, position], scratch)
    for head in range(HEADS):
        query, out = rng.normal(0, 1, width).astype(np.float32), np.zeros(width, np.float32)
        attend(cache, 1, head, length, query, scratch, out)
        scores = keys[head].astype(np.float64) @ query / np.sqrt(width)
        weights = np.exp(scores - scores.max())
        expected = weights @ values[head] / weights.sum()
        # A byte is within half of 1/127 of the largest number of a key or value.
        assert np.abs(out - expected).max() < 0.03 * np.abs(values[head]).max()


def test_a_number_is_stored_within_half_a_step_at_its_own_place() -> None:
    width, length = 24, 40
    rng = np.random.default_rng(1)
    cache, scratch = empty_cache(width, length), scratch_for(width, length)
    keys, values = rng.normal(0, 3, (2, length, width)).astype(np.float32)
    for position in range(length):
        store(cache, 0, 2, position, keys[position], values[position], scratch)
    stored_keys = cache.keys[0, 0, 2].transpose(0, 2, 1, 3).reshape(-1, 32)[:length, :width]
    stored_values = cache.values[0, 0, 2].transpose(0, 3, 1, 2).reshape(-1, 32)[:length, :width]
    for stored, scales, numbers in (
        (stored_keys, cache.key_scales[0, 0, 2], keys),
        (stored_values, cache.value_scales[0, 0, 2], values),
    ):
        step = scales[:length, None]
        assert np.abs((stored.astype(np.float64) - ZERO_POINT) * step - numbers).max() <= 0.501 * step.max()
    assert (cache.keys[0, 1] == 255).all()
    assert (cache.values[0, 0, 1] == 255).all()


@given(st.lists(st.integers(-MAX_OPERAND, MAX_OPERAND), min_size=1, max_size=70))
@settings(max_examples=100, deadline=None)
def test_an_operand_holds_every_integer_exactly(integers: list[int]) -> None:
    padded = -(-len(integers) // LANES) * LANES
    numbers = np.zeros(padded, np.float32)
    numbers[: len(integers)] = integers
    operand: np.ndarray = np.ones(2 * padded, OPERAND)
    begin = split(numbers, np.float32(1), operand, padded)
    assert (in_order(operand, padded) == numbers).all()
    assert begin == -ZERO_POINT * sum(integers)


@pytest.mark.parametrize("width", [16, 64, 256, 1024])
def test_no_sum_of_the_largest_integers_overflows(width: int) -> None:
    length = BLOCK + 1
    cache, scratch = empty_cache(width, length), scratch_for(width, length)
    for position in range(length):
        # Every key byte is the largest: 127 above the zero point.
        store(cache, 0, 0, position, np.ones(width, np.float32), np.full(width, 2, np.float32), scratch)
    out = np.zeros(width, np.float32)
    attend(cache, 0, 0, length, np.ones(width, np.float32), scratch, out)
    assert out == pytest.approx(2, rel=1e-4)
    for terms in (width, BLOCK):
        assert 255 * terms * max_operand(terms) < 2**31


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("place", ["query", "key", "value"])
def test_a_number_that_is_not_finite_reaches_the_output(bad: float, place: str) -> None:
    width, length = 16, 3
    cache, scratch = empty_cache(width, length), scratch_for(width, length)
    for position in range(length):
        key, value, query = (np.ones(width, np.float32) for _ in range(3))
        if position == 1:
            {"key": key, "value": value, "query": query}[place][5] = bad
        store(cache, 0, 0, position, key, value, scratch)
    if place == "query":
        query[5] = bad
    out = np.zeros(width, np.float32)
    attend(cache, 0, 0, length, query, scratch, out)
    assert np.isnan(out).all()
