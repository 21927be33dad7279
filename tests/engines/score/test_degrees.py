"""Bits of scale degrees: exact both ways, and a wrong bit stays in the scale."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engines.score.bits import FIELDS, from_bits, programs_of, sounding, to_bits
from bot.engines.score.format import BASS, CHORD, DRUMS, LEAD, ONSET, SCALE_NAMES, SCALES, STEP_SIZES, note_of


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, len(SCALES) - 1))
def test_any_tokens_come_back(seed: int, scale: int) -> None:
    rng = np.random.default_rng(seed)
    steps = np.stack([rng.integers(0, size, (6, 4)) for size in STEP_SIZES], -1).astype(np.int16)
    programs = rng.integers(0, 10, (6, 5)).astype(np.int16)
    bits = to_bits(steps, programs, np.full(6, scale))
    back, kinds = from_bits(bits, scale)
    assert (back == steps).all()
    assert (programs_of(kinds) == programs).all()
    assert (sounding(bits) == (steps > 0)).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([BASS, LEAD]))
def test_a_wrong_degree_or_octave_bit_is_another_note_of_the_scale(seed: int, role: int) -> None:
    rng = np.random.default_rng(seed)
    scale = int(rng.integers(len(SCALES)))
    steps = np.zeros((1, 4, 5), np.int16)
    tokens = [
        t for t in range(ONSET, STEP_SIZES[role]) if note_of(role, t)[0] % 12 in SCALES[SCALE_NAMES[scale]]
    ]
    steps[0, 0, role] = rng.choice(tokens)
    bits = to_bits(steps, np.ones((1, 5), np.int16), np.array([scale]))
    first = sum(sum(widths) + 2 for widths in FIELDS[CHORD:role]) + 2
    degree, octave = range(first, first + 3), range(first + 5, first + 5 + FIELDS[role][3])
    for place in (*degree, *octave):
        wrong = bits.copy()
        wrong[0, place] *= -1
        token = int(from_bits(wrong, scale)[0][0, 0, role])
        assert note_of(role, token)[0] % 12 in SCALES[SCALE_NAMES[scale]]
    assert role != DRUMS
