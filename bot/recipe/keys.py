"""Musical keys by one spelling each, out of the spellings that people type."""

from __future__ import annotations

import re

TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
"""The pitch classes from C upwards, as in the captions of the built-in models (training/captions.py)."""
KEYS = tuple(f"{tonic} {scale}" for scale in ("major", "minor") for tonic in TONICS)
"""The 24 keys; of two spellings that sound the same, one."""

_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}
_SPELLED = re.compile(r"([A-Ga-g])[ -]?(#|♯|sharp|b|♭|flat)?[ -]?([A-Za-z]*)")
_MINOR = ("minor", "min", "moll", "m")
_MAJOR = ("major", "maj", "dur", "")


def normalize_key(text: str) -> str:
    """Return a key in the spelling of KEYS: “A#m”, “b flat minor” → “Bb minor”; other text unchanged.

    A letter alone is major; “m” is minor and “M” major, as in chord symbols.
    """
    match = _SPELLED.fullmatch(text.strip())
    if match is None:
        return text
    letter, accidental, scale = match[1].upper(), match[2] or "", match[3]
    # Only here the case decides: everything else is read in any.
    scale = "major" if scale == "M" else scale.casefold()
    if scale not in _MINOR and scale not in _MAJOR:
        return text
    tonic = TONICS[(TONICS.index(letter) + _ACCIDENTALS[accidental]) % len(TONICS)]
    return f"{tonic} {'minor' if scale in _MINOR else 'major'}"


def tonic_and_scale(key: str) -> tuple[int, str]:
    """Return the pitch class of a key's tonic, 0 (C) to 11 (B), and “major” or “minor”. key: one of KEYS."""
    tonic, scale = key.split(" ")
    return TONICS.index(tonic), scale
