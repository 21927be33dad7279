"""Columns one after another on a CPU, compiled: embedding, transformer, guidance, sampling, delays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from bot.engines.musicgen.cpu.arithmetic import MAX_FLOAT32, Array, cast_values, kernel_function, max_abs
from bot.engines.musicgen.cpu.buffers import (
    KVCache,
    SharedBuffers,
    ThreadScratch,
    ThreadShare,
    WeightArrays,
    own_part,
)
from bot.engines.musicgen.cpu.dot_product import barrier
from bot.engines.musicgen.cpu.kernels import step
from bot.engines.musicgen.cpu.sampling import UNDECIDED, DrawScratch, sampled_token


class ColumnArrays(NamedTuple):
    """What columns are made of, and what they become; of musicgen.columns.State where it has the same name.

    embeddings: float32 [codebooks, vocabulary + 1, hidden].  position_embeddings: float32 [positions,
    hidden].  delays: int64 [codebooks].  codes, uniforms, tokens, finite, counters, rules: the state's.
    chosen: bool [slots], whether the host chooses a slot's tokens.  scores: float32 [slots, codebooks,
    vocabulary], the last logits after guidance, and bits, the same memory as int32.  undecided: bool [slots,
    codebooks], what of the last column is left to sample_tokens.  keys, weights: DrawScratch of all threads.
    """

    embeddings: Array
    position_embeddings: Array
    delays: Array
    codes: Array
    uniforms: Array
    tokens: Array
    finite: Array
    counters: Array
    rules: Array
    chosen: Array
    scores: Array
    bits: Array
    undecided: Array
    keys: Array
    weights: Array


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def decode(
    share: ThreadShare, columns: ColumnArrays, count: int, weights: WeightArrays, self_kv: KVCache,
    cross_kv: KVCache, slots: Array, positions: Array, last_texts: Array, shared: SharedBuffers,
    scratch: ThreadScratch,
) -> int:  # fmt: skip
    """Decode `count` columns of the active slots, or fewer: up to one with an undecided token.

    Returns how many. slots, last_texts: as in `step`.  positions: this thread's own copy, which moves on.
    """
    for number in range(count):
        embed(columns, slots, positions, scratch.x)
        step(share, weights, self_kv, cross_kv, slots, positions, last_texts, shared, scratch)
        barrier(shared.barrier_state, share.threads)
        choose(share, columns, number, slots, shared.logits)
        barrier(shared.barrier_state, share.threads)
        for i in range(len(slots)):
            for codebook in range(len(columns.delays)):
                if columns.undecided[slots[i], codebook]:
                    return number + 1
        for i in range(len(positions)):
            positions[i] += 1
    return count


@kernel_function()
def embed(columns: ColumnArrays, slots: Array, positions: Array, x: Array) -> None:
    """Fill both rows of x of each active slot with the sum of its embeddings."""
    for i in range(len(slots)):
        tokens, out = columns.tokens[slots[i]], x[2 * i]
        cast_values(columns.embeddings[0, tokens[0]], out)
        for codebook in range(1, len(tokens)):
            embedding = columns.embeddings[codebook, tokens[codebook]]
            for channel in range(len(out)):
                out[channel] += embedding[channel]
        position = columns.position_embeddings[positions[i]]
        for channel in range(len(out)):
            out[channel] += position[channel]
        cast_values(out, x[2 * i + 1])


@kernel_function()
def choose(share: ThreadShare, columns: ColumnArrays, number: int, slots: Array, logits: Array) -> None:
    """Sample this thread's codebooks of the next column, the loop's `number`th, and store them undelayed.

    In column c codebook k holds frame c − delays[k]: tokens outside of the window become padding.
    """
    codebooks, vocabulary = columns.scores.shape[1:]
    scratch = DrawScratch(columns.keys[share.thread], columns.weights[share.thread])
    first, last = own_part(share, codebooks * len(slots))
    for item in range(first, last):
        i, codebook = divmod(item, codebooks)
        slot, begin = slots[i], codebook * vocabulary
        scores = columns.scores[slot, codebook]
        guide(
            logits[2 * i, begin : begin + vocabulary], logits[2 * i + 1, begin : begin + vocabulary],
            columns.rules[3, slot], scores,
        )  # fmt: skip
        is_finite = max_abs(scores) <= MAX_FLOAT32
        if not is_finite:
            columns.finite[slot] = False
        columns.undecided[slot, codebook] = False
        if columns.chosen[slot]:
            continue
        frame = columns.counters[0, slot] + number - columns.delays[codebook]
        if not 0 <= frame < columns.counters[2, slot]:
            columns.tokens[slot, codebook] = vocabulary
            continue
        frame += columns.counters[1, slot]
        # A known token, of a prompt or of the window before, is kept.
        token = columns.codes[slot, codebook, frame]
        if token < 0:
            token = 0
            if is_finite:
                token = sampled_token(
                    scores, columns.bits[slot, codebook], columns.uniforms[slot, codebook, frame],
                    columns.rules[0, slot], columns.rules[1, slot], columns.rules[2, slot], scratch,
                )  # fmt: skip
            columns.codes[slot, codebook, frame] = token
        columns.tokens[slot, codebook] = token
        columns.undecided[slot, codebook] = token == UNDECIDED


@kernel_function()
def guide(cond: Array, uncond: Array, scale: float, out: Array) -> None:
    """Fill out with musicgen.sampling.apply_guidance of one codebook's logits float32 [vocabulary]."""
    if scale == np.float32(1):
        cast_values(cond, out)
        return
    for i in range(len(out)):
        out[i] = uncond[i] + scale * (cond[i] - uncond[i])
