"""A beat of a score as signed bits, and back: the plain side of the latent.

Every field is written in binary as −1 and 1; what says nothing (the pitch of a rest) is 0. A pitch is its
class above
the key and its octave, so that the same class has the same bits in every role.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bot.engines.score.format import (
    BASS,
    BASS_RANGE,
    CHORD,
    CHORD_LEVELS,
    DRUMS,
    HOLD,
    NOTE_LEVELS,
    ONSET,
    QUALITY_NAMES,
    REST,
    STEP_SIZES,
    STEPS_PER_BEAT,
    TUNE_RANGE,
    drum_token,
)

Array = npt.NDArray[np.float32]

FIELDS: tuple[tuple[int, ...], ...] = (
    (4, 4, 1),
    (4, 2, 2),
    (4, 3, 2),
    (4, 3, 2),
    (2, 2, 3, 2),
)
"""Role → bits of its fields after `onset` and `sounding` (drums have neither)."""
PROGRAM_BITS = (6, 6, 6, 6, 4)
STEP_BITS = sum(map(sum, FIELDS)) + 2 * (len(FIELDS) - 1)
BEAT_BITS = STEPS_PER_BEAT * STEP_BITS + sum(PROGRAM_BITS)
"""Bits of one beat: four sixteenths of five roles, then the instruments."""


def to_bits(steps: npt.NDArray[np.integer], programs: npt.NDArray[np.integer]) -> Array:
    """Return float32 [beats, BEAT_BITS] of steps [beats, 4, 5] and programs [beats, 5]."""
    parts: list[Array] = []
    for role, widths in enumerate(FIELDS):
        token = steps[..., role].astype(np.int64)
        if role == DRUMS:
            values = [token // 112, token // 28 % 4, token // 4 % 7, token % 4]
            parts += [_binary(v, w) for v, w in zip(values, widths, strict=True)]
            continue
        onset, sounding = token >= ONSET, token != REST
        parts += [(2.0 * flag - 1)[..., None].astype(np.float32) for flag in (onset, sounding)]
        fields = _fields(role, np.where(onset, token - ONSET, 0))
        parts += [_binary(v, w) * onset[..., None] for v, w in zip(fields, widths, strict=True)]
    grid = np.concatenate(parts, -1).reshape(len(steps), -1)
    return np.concatenate([grid, program_bits(programs)], -1).astype(np.float32)


def program_bits(programs: npt.NDArray[np.integer]) -> Array:
    """Return float32 [n, 28], the bits of instruments [n, 5]."""
    kinds = [_binary(programs[:, role].astype(np.int64), width) for role, width in enumerate(PROGRAM_BITS)]
    return np.concatenate(kinds, -1)


def onset_bits(role: int) -> dict[int, float]:
    """Return place → sign of the bits that say that a role begins a note on a beat: drums, a soft kick."""
    place = sum(sum(widths) + 2 for widths in FIELDS[:role])
    return {place: 1.0, place + 1: -1.0 if role == DRUMS else 1.0}


def from_bits(bits: Array) -> tuple[npt.NDArray[np.int16], Array]:
    """Return (steps int16 [beats, 4, 5], the instruments' bits [beats.

    28] as they are) of bits [beats, BEAT_BITS].
    """
    grid = bits[:, : STEPS_PER_BEAT * STEP_BITS].reshape(len(bits), STEPS_PER_BEAT, STEP_BITS)
    steps = np.zeros((len(bits), STEPS_PER_BEAT, 5), np.int64)
    place = 0
    for role, widths in enumerate(FIELDS):
        flags: list[npt.NDArray[np.bool_]] = []
        if role != DRUMS:
            flags = [grid[..., place] > 0, grid[..., place + 1] > 0]
            place += 2
        fields = []
        for width in widths:
            fields.append(_number(grid[..., place : place + width]))
            place += width
        if role == DRUMS:
            kick, snare, cymbal, extra = fields
            steps[..., role] = (
                drum_token(0, 0, 0, 0)
                + ((np.minimum(kick, 2) * 4 + snare) * 7 + np.where(cymbal < 7, cymbal, 0)) * 4
                + extra
            )
            continue
        token = np.minimum(_token(role, fields), STEP_SIZES[role] - 1)
        steps[..., role] = np.where(flags[0], token, np.where(flags[1], HOLD, REST))
    return steps.astype(np.int16), bits[:, STEPS_PER_BEAT * STEP_BITS :]


def programs_of(bits: Array) -> npt.NDArray[np.int16]:
    """Return instruments, int16 [n, 5], of their bits [n, 28]."""
    out, place = [], 0
    for width in PROGRAM_BITS:
        out.append(_number(bits[:, place : place + width]))
        place += width
    return np.stack(out, -1).astype(np.int16)


def _fields(role: int, token: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    if role == CHORD:
        return [
            token // CHORD_LEVELS // len(QUALITY_NAMES),
            token // CHORD_LEVELS % len(QUALITY_NAMES),
            token % CHORD_LEVELS,
        ]
    pitch = token // NOTE_LEVELS + _lowest(role)
    return [pitch % 12, pitch // 12 - _lowest(role) // 12, token % NOTE_LEVELS]


def _token(role: int, fields: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    if role == CHORD:
        root, quality, level = fields
        quality = np.minimum(quality, len(QUALITY_NAMES) - 1)
        return ONSET + ((root % 12) * len(QUALITY_NAMES) + quality) * CHORD_LEVELS + level
    pitch_class, octave, level = fields
    low, high = BASS_RANGE if role == BASS else TUNE_RANGE
    pitch = np.clip(pitch_class % 12 + 12 * (octave + low // 12), low, high)
    return np.asarray(ONSET + (pitch - low) * NOTE_LEVELS + np.minimum(level, NOTE_LEVELS - 1), np.int64)


def _lowest(role: int) -> int:
    return (BASS_RANGE if role == BASS else TUNE_RANGE)[0]


def _binary(values: npt.NDArray[np.int64], width: int) -> Array:
    return (2.0 * ((values[..., None] >> np.arange(width)) & 1) - 1).astype(np.float32)


def _number(bits: Array) -> npt.NDArray[np.int64]:
    return np.asarray(((bits > 0) << np.arange(bits.shape[-1])).sum(-1), np.int64)
