"""A score as one line of text: what the tag of a clip carries, so that the clip can be varied and continued.

JSON of the header, with the instruments and the grid as base64 of deflated little-endian int16.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib

import numpy as np

from bot.engines.score.format import (
    HEADER_SIZES,
    METRES,
    PROGRAM_SIZES,
    STEP_SIZES,
    STEPS_PER_BEAT,
    TEMPO_CLASSES,
    Grid,
    Score,
    repaired,
)
from bot.engines.score.format_version import VERSION
from bot.errors import UserError

MAX_STEPS = 16_384
"""Sixteenths of ten minutes at 400 beats per minute, more than any recipe allows."""
MAX_TEXT_CHARACTERS = 64 * 1024
_HEADER = ("tempo_class", "metre", "key", "scale", "swing", "mix")
_LIMITS = dict(zip(_HEADER, (TEMPO_CLASSES, max(METRES) + 1, *HEADER_SIZES[1:]), strict=True))
_UNREADABLE = "The score in this file is damaged or from another version, and cannot be used."


def to_text(score: Score) -> str:
    """Return a score as ASCII text without line breaks."""
    data = np.concatenate([score.programs, score.grid]).astype("<i2").tobytes()
    fields = {name: int(getattr(score, name)) for name in _HEADER}
    return json.dumps(
        {
            "version": VERSION,
            **fields,
            "steps": len(score.grid),
            "data": base64.b64encode(zlib.compress(data, 9)).decode("ascii"),
        }
    )


def from_text(text: str) -> Score:
    """Return the score that `to_text` wrote.

    Raises UserError for anything else: unknown versions, values out of range, data of another length.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise UserError(_UNREADABLE)
    try:
        fields = json.loads(text)
        steps = _whole(fields["steps"], 1, MAX_STEPS)
        if fields["version"] != VERSION or fields["metre"] not in METRES:
            raise ValueError("another format")
        header = {name: _whole(fields[name], 0, _LIMITS[name] - 1) for name in _HEADER}
        bars = -(-steps // (header["metre"] * STEPS_PER_BEAT))
        rows = _rows(fields["data"], bars + steps)
    except (ValueError, KeyError, TypeError, RecursionError, zlib.error, binascii.Error) as error:
        raise UserError(_UNREADABLE) from error
    programs, grid = rows[:bars], rows[bars:]
    sizes, tokens = np.array(PROGRAM_SIZES), np.array(STEP_SIZES)
    if ((programs < 0) | (programs >= sizes)).any() or ((grid < 0) | (grid >= tokens)).any():
        raise UserError(_UNREADABLE)
    return repaired(Score(programs=programs, grid=grid, **header))


def _rows(data: str, count: int) -> Grid:
    """Return int16 [count, 5] of encoded data. Raises ValueError where it has another length."""
    size = count * len(STEP_SIZES) * 2
    inflate = zlib.decompressobj()
    # One byte more than expected at most: a few bytes can inflate to gigabytes.
    raw = inflate.decompress(base64.b64decode(data, validate=True), size + 1)
    if len(raw) != size:
        raise ValueError(f"{len(raw)} bytes where {size} are expected")
    return np.frombuffer(raw, "<i2").reshape(count, len(STEP_SIZES)).astype(np.int16)


def _whole(value: object, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{value} isn't a whole number from {low} to {high}")
    return value
