"""Ahead-of-time compilation of the CPU kernels: `python -m bot.engines.musicgen.cpu.compile`.

numba caches the machine code beside the kernels' files, or in the user's cache where that is read-only.
"""

from __future__ import annotations

import torch

from bot.engines.musicgen.decoder import Conditions, Decoder, Row
from bot.engines.musicgen.linear import Precision
from bot.engines.musicgen.model_config import ModelConfig
from bot.engines.musicgen.network import LanguageModel
from bot.engines.musicgen.weights import LayerWeights, Norm, Weights

USUAL: tuple[Precision, ...] = ("fp32", "fp16")
"""The built-in model's, and MusicGen's with DTYPE=auto."""
SIZES = ModelConfig(hidden=32, layers=1, heads=2, feed_forward=32, vocabulary=16, delays=(0, 1))


def main() -> None:
    """Decode two columns of a model of zeros in each usual precision."""
    wide, norm = SIZES.hidden, Norm(torch.ones(SIZES.hidden), torch.zeros(SIZES.hidden))
    square, pair = torch.zeros(wide, wide), torch.zeros(2 * wide, wide)
    layer = LayerWeights(
        self_norm=norm, qkv=torch.zeros(3 * wide, wide), self_out=square,
        cross_norm=norm, cross_query=square, cross_key_value=pair, cross_out=square,
        feed_norm=norm, feed_in=square, feed_out=square,
    )  # fmt: skip
    embeddings = torch.zeros(SIZES.codebooks * (SIZES.vocabulary + 1), wide)
    weights = Weights(embeddings, [layer], norm, torch.zeros(SIZES.codebooks * SIZES.vocabulary, wide))
    for precision in USUAL:
        decoder = Decoder(LanguageModel(SIZES, weights, "cpu", precision), window=4, stride=2, words=1)
        decoder.admit(Row(conditions=Conditions(torch.zeros(1, wide)), frames=2, seed=0))
        decoder.step(3)


if __name__ == "__main__":
    main()
