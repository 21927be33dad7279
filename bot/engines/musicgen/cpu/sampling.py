"""Sampling on a CPU: the token that `musicgen.sampling.sample_tokens` draws, without sorting anything.

Its definition sorts the likeliest tokens and looks a uniform number up in their sums. Here a threshold is
bisected: the largest logit down to which the tokens are enough, or weigh enough. Counts and weights are
integers, so LLVM adds them in vectors, and no order of a sum matters. What is so close that the rounding of
the definition decides it, or its order of equal logits, is left undecided: a seed has the same tokens by
both. That is one draw in a few hundred.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bot.engines.musicgen.cpu.arithmetic import Array, kernel_function

UNDECIDED = -1
ONE = 2.0**40
"""Weight of the likeliest token: 2⁵¹ for a vocabulary of 2,048, of the 2⁶³ that there is room for."""
UNSURE = 2.0**-19
"""Share of the whole weight within which a draw is undecided.

sample_tokens rounds to fp32, 2⁻²⁴, five times: exp, its sum, and what is compared with it.
"""
SMALLEST = -(2**31)


class DrawScratch(NamedTuple):
    """Buffers of one thread: keys int32 and weights int64, both [vocabulary]."""

    keys: Array
    weights: Array


@kernel_function()
def sampled_token(
    scores: Array, bits: Array, uniform: Any, temperature: Any, top_k: Any, top_p: Any, scratch: DrawScratch
) -> int:
    """Return the token that sample_tokens draws from scores float32 [vocabulary], all finite, or UNDECIDED.

    bits: the same memory as int32.  The rest as in sample_tokens, of one slot.
    """
    keys, weights = scratch.keys, scratch.weights
    highest: Any = np.int64(SMALLEST)
    for i in range(len(bits)):
        # Ordered as the floats are, −0 and 0 equal.
        keys[i] = bits[i] if bits[i] >= 0 else -(bits[i] & 0x7FFFFFFF)
        highest = max(highest, np.int64(keys[i]))
    lowest = np.int64(SMALLEST)
    if 0 < top_k < len(keys):
        lowest = _key_at_count(keys, np.int64(top_k), highest)
        if _count_from(keys, lowest) > top_k:
            return UNDECIDED
    largest = np.float32(SMALLEST)
    for i in range(len(scores)):
        largest = max(largest, scores[i])
    for i in range(len(keys)):
        weights[i] = 0
        if keys[i] >= lowest:
            weights[i] = np.int64(ONE * np.exp(np.float64((scores[i] - largest) / temperature)))
    whole = _weight_from(keys, weights, lowest)
    unsure = UNSURE * whole
    if 0 < top_p < 1:
        share = top_p * whole
        key = _key_at_weight(keys, weights, share, lowest, highest)
        whole = _weight_from(keys, weights, key)
        if not _weight_from(keys, weights, key + 1) + unsure < share < whole - unsure:
            return UNDECIDED
    target = uniform * whole
    key = _key_at_weight(keys, weights, target, lowest, highest)
    before, behind = _weight_from(keys, weights, key + 1), _weight_from(keys, weights, key)
    # Nothing is below the first token's, so that greedy draws are never too close.
    if (key < highest and not before + unsure < target) or not target < behind - unsure:
        return UNDECIDED
    token, equal = 0, 0
    for i in range(len(keys)):
        if keys[i] == key:
            token, equal = i, equal + 1
    return token if equal == 1 else UNDECIDED


@kernel_function()
def _count_from(keys: Array, least: Any) -> Any:
    """Return how many keys are at least `least`."""
    bound, count = np.int32(least), 0
    for i in range(len(keys)):
        count += keys[i] >= bound
    return count


@kernel_function()
def _weight_from(keys: Array, weights: Array, least: Any) -> Any:
    """Return what the tokens weigh whose keys are at least `least`."""
    bound, total = np.int64(least), np.int64(0)
    for i in range(len(keys)):
        total += weights[i] if keys[i] >= bound else np.int64(0)
    return total


@kernel_function()
def _key_at_count(keys: Array, count: Any, highest: Any) -> Any:
    """Return the largest key from which on there are `count` keys."""
    low, high = np.int64(SMALLEST), highest
    while low < high:
        middle = (low + high + 1) >> 1
        if _count_from(keys, middle) >= count:
            low = middle
        else:
            high = middle - 1
    return low


@kernel_function()
def _key_at_weight(keys: Array, weights: Array, target: Any, lowest: Any, highest: Any) -> Any:
    """Return the largest key from which on the tokens weigh more than `target`, `lowest` if none does."""
    low, high = lowest, highest
    while low < high:
        middle = (low + high + 1) >> 1
        if _weight_from(keys, weights, middle) > target:
            low = middle
        else:
            high = middle - 1
    return low
