"""Words to token ids for the small text encoder: a fixed vocabulary, numbers, and buckets for all else."""

from __future__ import annotations

import re
import unicodedata
import zlib
from pathlib import Path

from bot.errors import ModelMissing

PAD, END, UNKNOWN = 0, 1, 2
NUMBERS = 256
"""0 to 255 have an id each, from 3 on."""
BUCKETS = 192
"""Ids for words outside the vocabulary, by hash."""
FIRST_NUMBER = 3
FIRST_BUCKET = FIRST_NUMBER + NUMBERS
FIRST_WORD = FIRST_BUCKET + BUCKETS
MAX_TOKENS = 64
"""Tokens read of a prompt, the end mark included; the rest is dropped."""

ALIASES = {
    "bpm": "tempo",
    "beats": "beat",
    "lo-fi": "lofi",
    "hiphop": "hip hop",
    "hip-hop": "hip hop",
    "synthwave": "synth wave retro",
    "vaporwave": "vapor wave retro lofi",
    "retrowave": "synth wave retro",
    "chillwave": "chill wave synth",
    "chillhop": "chill hip hop",
    "chill-out": "chill",
    "dnb": "drum bass jungle",
    "d&b": "drum bass jungle",
    "edm": "dance electronic",
    "8bit": "chiptune",
    "8-bit": "chiptune",
    "16-bit": "chiptune",
    "drumbeat": "drum beat",
    "ost": "soundtrack",
    "sfx": "sound effects",
    "idm": "glitch electronica",
    "rnb": "soul",
    "r&b": "soul",
    "neoclassical": "classical",
    "orchestral": "orchestra",
}
"""Spellings read as other words; only the words themselves, as the prompt splits."""

_TOKEN = re.compile(r"[^\W\d_]+(?:[-&'’][^\W\d_]+)*|\d+(?:-?bit)?|d&b|r&b", re.UNICODE)
_TEMPO = re.compile(r"\b(\d{2,3})\s*(?:bpm|beats per minute)\b|\btempo (?:of )?(\d{2,3})\b", re.IGNORECASE)
_ENDINGS = ("s", "es", "ed", "d", "ing", "y", "ish", "ly", "like", "al", "er", "est", "ness")


def asked_tempo(prompt: str) -> float | None:
    """Return the beats per minute that a prompt asks for in figures, from 48 to 200, or None."""
    for match in _TEMPO.finditer(prompt):
        bpm = int(match[1] or match[2])
        if 48 <= bpm <= 200:
            return float(bpm)
    return None


class Words:
    """The vocabulary of one folder: `words.txt`, one word a line. Raises ModelMissing without it."""

    def __init__(self, folder: Path) -> None:
        try:
            listed = (folder / "words.txt").read_text(encoding="utf-8").split("\n")
        except OSError as error:
            raise ModelMissing(
                f"The vocabulary {folder / 'words.txt'} cannot be read: fetch the folder “models” of the "
                f"project again."
            ) from error
        self._ids = {word: FIRST_WORD + place for place, word in enumerate(w for w in listed if w)}
        self.size = FIRST_WORD + len(self._ids)

    def ids(self, prompt: str) -> list[int]:
        """Return 1 to 64 token ids of any text, the end mark last."""
        out: list[int] = []
        text = unicodedata.normalize("NFKC", prompt[: 40 * MAX_TOKENS]).lower().replace("’", "'")
        for piece in _TOKEN.findall(text):
            out.extend(self._piece(piece))
            if len(out) >= MAX_TOKENS - 1:
                break
        return [*out[: MAX_TOKENS - 1], END]

    def count(self, prompt: str) -> int:
        """Return how many tokens a whole prompt has with its end mark, of which MAX_TOKENS are read."""
        text = unicodedata.normalize("NFKC", prompt).lower().replace("’", "'")
        return sum(len(self._piece(piece)) for piece in _TOKEN.findall(text)) + 1

    def _piece(self, piece: str) -> list[int]:
        if piece in ALIASES:
            return [i for word in ALIASES[piece].split() for i in self._word(word)]
        if piece.isdecimal():
            number = int(piece[:6])
            return [FIRST_NUMBER + number] if number < NUMBERS else [UNKNOWN]
        if any(mark in piece for mark in "-&'") and piece not in self._ids:
            return [i for part in re.split(r"[-&']", piece) if part for i in self._piece(part)]
        return self._word(piece)

    def _word(self, word: str) -> list[int]:
        if word in self._ids:
            return [self._ids[word]]
        if word in ALIASES:
            return [i for part in ALIASES[word].split() for i in self._word(part)]
        for ending in _ENDINGS:
            stem = word.removesuffix(ending)
            if stem != word and len(stem) > 2:
                for form in (
                    stem,
                    stem + "e",
                    stem[:-1] + "y",
                    stem[:-1] if stem[-1:] == stem[-2:-1] else "",
                ):
                    if form in self._ids:
                        return [self._ids[form]]
        for split in range(len(word) - 3, 2, -1):
            if word[:split] in self._ids and word[split:] in self._ids:
                return [self._ids[word[:split]], self._ids[word[split:]]]
        return [FIRST_BUCKET + zlib.crc32(word.encode()) % BUCKETS]
