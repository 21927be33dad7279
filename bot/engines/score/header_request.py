"""Tempo, key, scale and metre that a prompt asks for; the engines set them in the header.

Pitches of a score are relative to the key, so that a key costs nothing but its header field.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import cached_property

from bot.engines.score.clauses import MAX_CHARACTERS
from bot.engines.score.format import METRES, SCALE_NAMES, SCALES, tempo_class_of
from bot.recipe import Recipe

MIN_TEMPO, MAX_TEMPO = 48, 200
_TEMPO = re.compile(
    r"\b(\d{2,3})\s*(?:bpm|beats per minute)\b|\b(?:tempo|bpm)\s*(?:of\s+|[:=]\s*)?(\d{2,3})\b", re.IGNORECASE
)
_NOTE = r"([a-gA-G])(?:\s*(sharp|flat|#|♯|♭|b))?"
_FAMILY = r"[\s-]*(major|minor|maj|min|dorian|phrygian|lydian|mixolydian)(?!\w)"
_KEY = re.compile(rf"(?<![\w']){_NOTE}{_FAMILY}")
_BARE_KEY = re.compile(rf"\bin\s+(?:the\s+key\s+of\s+)?(?=[A-G]){_NOTE}(?![\w#♯♭'.])")
_SCALE = re.compile(
    r"\b(major|minor|dorian|phrygian|lydian|mixolydian|harmonic minor|pentatonic|blues)\s+(?:key|scale|mode)"
    r"\b",
    re.IGNORECASE,
)
_METRE = re.compile(r"(?<![\d/])(3/4|4/4|6/8)(?![\d/])|\b(waltz time|three four time|four four time)\b", re.I)
_PITCH_CLASS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_SHORT = {"maj": "major", "min": "minor"}
_FAMILIES = {
    "major": tuple(n for n, s in SCALES.items() if 4 in s and 3 not in s),
    "minor": tuple(n for n, s in SCALES.items() if 3 in s and 4 not in s),
    "pentatonic": ("major pentatonic", "minor pentatonic"),
}


@dataclass(frozen=True)
class HeaderRequest:
    """Header fields that a prompt names; None where it names none.

    tempo: beats per minute, 48 to 200.  key: pitch class of the tonic, 0 (C) to 11.
    scales: indices into SCALE_NAMES, any of which will do.  metre: beats a bar, 3 or 4.
    """

    tempo: float | None = None
    key: int | None = None
    scales: tuple[int, ...] | None = None
    metre: int | None = None

    @cached_property
    def header_tokens(self) -> tuple[int, ...] | None:
        """Header values of tempo × metre that agree with the request, None for any."""
        if self.tempo is None and self.metre is None:
            return None
        tempos = range(48) if self.tempo is None else (tempo_class_of(self.tempo),)
        metres = METRES if self.metre is None else (self.metre,)
        return tuple(t * len(METRES) + METRES.index(m) for t in tempos for m in metres)


def requested_header(recipe: Recipe) -> HeaderRequest:
    """Return a recipe's constraints on the header: from its options `bpm` and `key`, else its prompt."""
    request = header_request(recipe.prompt)
    bpm, key = recipe.options.get("bpm"), recipe.options.get("key")
    if bpm is not None:
        request = replace(request, tempo=float(bpm))
    if key is not None:
        named = header_request(f"in {key}")
        request = replace(request, key=named.key, scales=named.scales)
    return request


def header_request(prompt: str) -> HeaderRequest:
    """Read tempo, key, scale and metre of any text; the first of a kind counts."""
    text = unicodedata.normalize("NFKC", prompt[:MAX_CHARACTERS])
    key, family = _key(text)
    return HeaderRequest(_tempo(text), key, _scales(family or _named_scale(text)), _metre(text))


def _tempo(text: str) -> float | None:
    for match in _TEMPO.finditer(text):
        tempo = int(match[1] or match[2])
        if MIN_TEMPO <= tempo <= MAX_TEMPO:
            return float(tempo)
    return None


def _key(text: str) -> tuple[int | None, str | None]:
    for match in _KEY.finditer(text):
        if match[1] == "a" and match[2] is None and not text[: match.start()].rstrip().endswith("in"):
            continue  # "a minor mistake": the article
        return _pitch_class(match[1], match[2]), match[3].lower()
    bare = _BARE_KEY.search(text)
    return (_pitch_class(bare[1], bare[2]), None) if bare else (None, None)


def _pitch_class(letter: str, sign: str | None) -> int:
    shift = {"sharp": 1, "#": 1, "♯": 1, None: 0}.get(sign, -1)
    return (_PITCH_CLASS[letter.lower()] + shift) % 12


def _named_scale(text: str) -> str | None:
    match = _SCALE.search(text)
    return match[1].lower() if match else None


def _scales(family: str | None) -> tuple[int, ...] | None:
    if family is None:
        return None
    name = _SHORT.get(family, family)
    return tuple(SCALE_NAMES.index(scale) for scale in _FAMILIES.get(name, (name,)))


def _metre(text: str) -> int | None:
    match = _METRE.search(text)
    if match is None:
        return None
    return 4 if match[0].lower() in ("4/4", "four four time") else 3
