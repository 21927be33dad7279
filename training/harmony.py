"""Chords from roman numerals, and scales."""

from __future__ import annotations

import re

from bot.engines.score.format import QUALITIES

DEGREES = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
Chord = tuple[int, str]
"""Root in semitones above the key, quality."""


def chord(numeral: str) -> Chord:
    """Read one chord: ♭ as b, ♯ as #, upper case major, lower case minor, then its quality.

    Raises ValueError.
    """
    match = re.fullmatch(r"([b#]?)([iv]+|[IV]+)(.*)", numeral)
    if match is None or match[2].lower() not in DEGREES:
        raise ValueError(numeral)
    accidental, degree, suffix = match.groups()
    root = (DEGREES[degree.lower()] + {"b": -1, "": 0, "#": 1}[accidental]) % 12
    quality = suffix
    if degree.islower():
        quality = {"": "m", "7": "m7", "9": "m9", "add9": "madd9", "ø": "m7b5"}.get(suffix, suffix)
    if quality not in QUALITIES:
        raise ValueError(numeral)
    return root, quality


def progression(text: str) -> list[list[Chord]]:
    """Read bars split by spaces, the chords of a bar by commas."""
    return [[chord(numeral) for numeral in bar.split(",")] for bar in text.split()]


def tones(of: Chord) -> tuple[int, ...]:
    """Return the pitch classes of a chord, relative to the key, root first."""
    root, quality = of
    return tuple((root + interval) % 12 for interval in QUALITIES[quality])


def scale_around(scale: tuple[int, ...], of: Chord) -> list[int]:
    """Return the scale's pitch classes, those that clash with a chord replaced by the chord's own."""
    own = set(tones(of))
    kept = {p for p in scale if not any((p - t) % 12 in (1, 11) for t in own) or p in own}
    return sorted(kept | own)


def nearest(pitch: int, classes: set[int] | list[int] | tuple[int, ...]) -> int:
    """Return the pitch nearest to `pitch` whose class is among `classes`."""
    for distance in range(12):
        for candidate in (pitch - distance, pitch + distance):
            if candidate % 12 in classes:
                return candidate
    return pitch


def step(pitch: int, by: int, classes: list[int]) -> int:
    """Move a pitch by a number of scale steps."""
    direction = 1 if by > 0 else -1
    for _ in range(abs(by)):
        pitch += direction
        while pitch % 12 not in classes:
            pitch += direction
    return pitch
