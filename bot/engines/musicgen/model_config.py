"""The architecture of a MusicGen language model. Importing this imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

WINDOW_SECONDS = 30.0
"""Context length of the published models in training; audiocraft never decodes more in one piece."""
STRIDE_SECONDS = 18.0
"""Stride of the sliding window over a longer clip; the default `extend_stride` of audiocraft's MusicGen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """The architecture of one model.

    hidden: width, even.  heads: attention heads, a divisor of hidden.  feed_forward: width of the middle.
    vocabulary: token ids of each codebook; id `vocabulary` is padding and start.
    delays: columns by which each codebook is delayed, one entry a codebook (the delay pattern,
    arXiv:2306.05284): codebook k of frame f is decoded in column f + delays[k], so that within one column
    the coarse codebooks of a frame precede its finer ones.
    prefix: whether conditioning is prepended to the input (the melody models) instead of attended to.
    """

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    delays: tuple[int, ...]
    prefix: bool = False

    def __post_init__(self) -> None:
        numbers = (self.hidden, self.layers, self.heads, self.feed_forward, self.vocabulary)
        if min(numbers) < 1 or self.hidden % 2 or self.hidden % self.heads:
            raise ValueError(f"{self} isn't a transformer: the heads have to divide an even width")
        if not self.delays or min(self.delays) != 0:
            raise ValueError(f"{self} has no codebook that starts at once")

    @property
    def codebooks(self) -> int:
        """Number of parallel token streams."""
        return len(self.delays)

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.hidden // self.heads

    @classmethod
    def from_transformers(cls, config: Mapping[str, Any]) -> Self:
        """Read the whole model's config.json of the hub's layout.

        Left and right channels of a stereo model are interleaved, and a pair of codebooks waits together
        (`build_delay_pattern_mask`). Raises KeyError or ValueError for what is no MusicGen.
        """
        decoder = config["decoder"]
        if decoder.get("activation_function", "gelu") != "gelu":
            raise ValueError(f"activation_function is {decoder['activation_function']}, not gelu")
        codebooks, channels = int(decoder["num_codebooks"]), int(decoder.get("audio_channels", 1))
        if channels not in (1, 2) or codebooks % channels:
            raise ValueError(f"{codebooks} codebooks do not share out over {channels} channels")
        return cls(
            hidden=int(decoder["hidden_size"]),
            layers=int(decoder["num_hidden_layers"]),
            heads=int(decoder["num_attention_heads"]),
            feed_forward=int(decoder["ffn_dim"]),
            vocabulary=int(decoder["vocab_size"]),
            delays=tuple(codebook // channels for codebook in range(codebooks)),
            prefix=config["model_type"] == "musicgen_melody",
        )
