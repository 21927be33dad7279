"""A beat of a score as signed bits, and back: the input of the score autoencoder.

Every field is written in binary as −1 and 1; a field without a meaning (the pitch of a rest) is 0. A pitch
is its degree in the piece's scale, an alteration by a semitone, and its octave: the same degree has the same
bits in every role, and a wrong bit of a degree is another note of the scale, not a note outside it.
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
    SCALES,
    STEP_SIZES,
    STEPS_PER_BEAT,
    TUNE_RANGE,
    drum_token,
)

Array = npt.NDArray[np.float32]

FIELDS: tuple[tuple[int, ...], ...] = (
    (3, 1, 1, 4, 1),
    (3, 1, 1, 2, 2),
    (3, 1, 1, 3, 2),
    (3, 1, 1, 3, 2),
    (2, 2, 3, 2),
)
"""Role → bits of its fields after `onset` and `sounding` (drums have neither).

Notes: degree, altered, lowered, octave, level. Chords: degree, altered, lowered, quality, level.
Drums: kick, snare, cymbal, extra.
"""
LOWERED = 2
"""Field that has a meaning only where the one before it, `altered`, is set."""
PROGRAM_BITS = (6, 6, 6, 6, 4)
STEP_BITS = sum(map(sum, FIELDS)) + 2 * (len(FIELDS) - 1)
BEAT_BITS = STEPS_PER_BEAT * STEP_BITS + sum(PROGRAM_BITS)
"""Bits of one beat: four sixteenths of five roles, then the instruments."""


def _degrees() -> npt.NDArray[np.int64]:
    """Return int64 [scales, 12, 4]: degree, altered, lowered and octave carry of each pitch class.

    A pitch class outside the scale is the degree below it raised, or else the degree above it lowered.
    """
    out = np.zeros((len(SCALES), 12, 4), np.int64)
    for row, scale in enumerate(SCALES.values()):
        for pitch_class in range(12):
            if pitch_class in scale:
                out[row, pitch_class] = scale.index(pitch_class), 0, 0, 0
            elif pitch_class - 1 in scale:
                out[row, pitch_class] = scale.index(pitch_class - 1), 1, 0, 0
            else:
                above = (pitch_class + 1) % 12
                out[row, pitch_class] = scale.index(above), 1, 1, pitch_class == 11
    return out


DEGREES = _degrees()
STEPS_OF = np.array([[*scale, *[scale[-1]] * (8 - len(scale))] for scale in SCALES.values()])
"""Semitones above the key of each degree, int64 [scales, 8]; past the last degree the last is repeated."""


def to_bits(
    steps: npt.NDArray[np.integer], programs: npt.NDArray[np.integer], scales: npt.NDArray[np.integer]
) -> Array:
    """Return float32 [beats, BEAT_BITS] of steps [beats, 4, 5], programs [beats, 5] and scales [beats]."""
    parts: list[Array] = []
    for role, widths in enumerate(FIELDS):
        token = steps[..., role].astype(np.int64)
        if role == DRUMS:
            values = [token // 112, token // 28 % 4, token // 4 % 7, token % 4]
            parts += [_binary(v, w) for v, w in zip(values, widths, strict=True)]
            continue
        onset, sounding = token >= ONSET, token != REST
        parts += [(2.0 * flag - 1)[..., None].astype(np.float32) for flag in (onset, sounding)]
        fields = _fields(role, np.where(onset, token - ONSET, 0), scales[:, None])
        for number, (value, width) in enumerate(zip(fields, widths, strict=True)):
            meant = onset & (fields[LOWERED - 1] == 1) if number == LOWERED else onset
            parts.append(_binary(value, width) * meant[..., None])
    grid = np.concatenate(parts, -1).reshape(len(steps), -1)
    return np.concatenate([grid, program_bits(programs)], -1).astype(np.float32)


def program_bits(programs: npt.NDArray[np.integer]) -> Array:
    """Return float32 [n, 28], the bits of instruments [n, 5]."""
    kinds = [_binary(programs[:, role].astype(np.int64), width) for role, width in enumerate(PROGRAM_BITS)]
    return np.concatenate(kinds, -1)


def onset_bits(role: int) -> dict[int, float]:
    """Return offset → sign of the bits that say that a role begins a note on a beat: drums, a soft kick."""
    offset = sum(sum(widths) + 2 for widths in FIELDS[:role])
    return {offset: 1.0, offset + 1: -1.0 if role == DRUMS else 1.0}


def sounding(bits: Array) -> npt.NDArray[np.bool_]:
    """Return bool [beats, 4, 5], which roles sound in each sixteenth, of bits [beats, BEAT_BITS]."""
    grid = bits[:, : STEPS_PER_BEAT * STEP_BITS].reshape(len(bits), STEPS_PER_BEAT, STEP_BITS)
    out, offset = [], 0
    for role, widths in enumerate(FIELDS):
        if role == DRUMS:
            out.append((grid[..., offset : offset + sum(widths)] > 0).any(-1))
        else:
            out.append((grid[..., offset] > 0) | (grid[..., offset + 1] > 0))
            offset += 2
        offset += sum(widths)
    return np.stack(out, -1)


def begins(bits: Array) -> npt.NDArray[np.bool_]:
    """Return bool [beats, 5], which roles begin a note or stroke in each beat of bits [beats, BEAT_BITS]."""
    grid = bits[:, : STEPS_PER_BEAT * STEP_BITS].reshape(len(bits), STEPS_PER_BEAT, STEP_BITS)
    out, offset = [], 0
    for role, widths in enumerate(FIELDS):
        if role == DRUMS:
            out.append((grid[..., offset : offset + sum(widths)] > 0).any((1, 2)))
        else:
            out.append((grid[..., offset] > 0).any(1))
            offset += 2
        offset += sum(widths)
    return np.stack(out, -1)


def from_bits(bits: Array, scale: int) -> tuple[npt.NDArray[np.int16], Array]:
    """Return steps, int16 [beats, 4, 5], and the instruments' bits, [beats, 28] as they are.

    bits: [beats, BEAT_BITS].  scale: index into SCALES, the one of the piece.
    """
    grid = bits[:, : STEPS_PER_BEAT * STEP_BITS].reshape(len(bits), STEPS_PER_BEAT, STEP_BITS)
    steps = np.zeros((len(bits), STEPS_PER_BEAT, 5), np.int64)
    offset = 0
    for role, widths in enumerate(FIELDS):
        flags: list[npt.NDArray[np.bool_]] = []
        if role != DRUMS:
            flags = [grid[..., offset] > 0, grid[..., offset + 1] > 0]
            offset += 2
        fields = []
        for width in widths:
            fields.append(_number(grid[..., offset : offset + width]))
            offset += width
        if role == DRUMS:
            kick, snare, cymbal, extra = fields
            steps[..., role] = (
                drum_token(0, 0, 0, 0)
                + ((np.minimum(kick, 2) * 4 + snare) * 7 + np.where(cymbal < 7, cymbal, 0)) * 4
                + extra
            )
            continue
        token = np.minimum(_token(role, fields, scale), STEP_SIZES[role] - 1)
        steps[..., role] = np.where(flags[0], token, np.where(flags[1], HOLD, REST))
    return steps.astype(np.int16), bits[:, STEPS_PER_BEAT * STEP_BITS :]


def programs_of(bits: Array) -> npt.NDArray[np.int16]:
    """Return instruments, int16 [n, 5], of their bits [n, 28]."""
    out, offset = [], 0
    for width in PROGRAM_BITS:
        out.append(_number(bits[:, offset : offset + width]))
        offset += width
    return np.stack(out, -1).astype(np.int16)


def _fields(
    role: int, token: npt.NDArray[np.int64], scales: npt.NDArray[np.integer]
) -> list[npt.NDArray[np.int64]]:
    if role == CHORD:
        degree, altered, lowered, _ = np.moveaxis(
            DEGREES[scales, token // CHORD_LEVELS // len(QUALITY_NAMES)], -1, 0
        )
        return [
            degree,
            altered,
            lowered,
            token // CHORD_LEVELS % len(QUALITY_NAMES),
            token % CHORD_LEVELS,
        ]
    pitch = token // NOTE_LEVELS + _lowest(role)
    degree, altered, lowered, carry = np.moveaxis(DEGREES[scales, pitch % 12], -1, 0)
    return [degree, altered, lowered, pitch // 12 + carry - _lowest(role) // 12, token % NOTE_LEVELS]


def _token(role: int, fields: list[npt.NDArray[np.int64]], scale: int) -> npt.NDArray[np.int64]:
    degree, altered, lowered, *others = fields
    pitch = STEPS_OF[scale, degree] + np.where(altered == 1, 1 - 2 * lowered, 0)
    if role == CHORD:
        quality, level = others
        quality = np.minimum(quality, len(QUALITY_NAMES) - 1)
        return np.asarray(
            ONSET + ((pitch % 12) * len(QUALITY_NAMES) + quality) * CHORD_LEVELS + level, np.int64
        )
    octave, level = others
    low, high = BASS_RANGE if role == BASS else TUNE_RANGE
    # An octave out of range, which only a wrong bit gives, is folded into it: the degree stays.
    pitch = pitch + 12 * (octave + low // 12)
    pitch = np.where(pitch > high, pitch - 12 * -(-(pitch - high) // 12), pitch)
    pitch = np.where(pitch < low, pitch + 12 * -(-(low - pitch) // 12), pitch)
    return np.asarray(ONSET + (pitch - low) * NOTE_LEVELS + np.minimum(level, NOTE_LEVELS - 1), np.int64)


def _lowest(role: int) -> int:
    return (BASS_RANGE if role == BASS else TUNE_RANGE)[0]


def _binary(values: npt.NDArray[np.int64], width: int) -> Array:
    return (2.0 * ((values[..., None] >> np.arange(width)) & 1) - 1).astype(np.float32)


def _number(bits: Array) -> npt.NDArray[np.int64]:
    return np.asarray(((bits > 0) << np.arange(bits.shape[-1])).sum(-1), np.int64)
