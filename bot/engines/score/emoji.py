"""Emoji as words: the sentence encoder knows none, and Unicode names each ("🎷" is SAXOPHONE)."""

from __future__ import annotations

import unicodedata

_JOINERS = {"\u200d", "\ufe0e", "\ufe0f"}
_NAMES = {"musical keyboard": "piano", "drum with drumsticks": "drums", "musical note": "music"}


def spelled_out(text: str) -> str:
    """Return a text in NFKC with every emoji replaced by its lower-case Unicode name, set off by spaces."""
    return "".join(map(_spelled, unicodedata.normalize("NFKC", text)))


def _spelled(character: str) -> str:
    category = unicodedata.category(character)
    if character in _JOINERS or category == "Sk":
        return ""  # variation selectors and skin tones
    if category != "So" or ord(character) < 0x2300:
        return character
    name = unicodedata.name(character, "").lower()
    return f" {_NAMES.get(name, name)} "


__all__ = ["spelled_out"]
