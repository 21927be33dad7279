"""Sliced decoding with AutoencoderSAME, the autoencoder of Stable Audio 3.

Decoded in one piece, its attention has a mask of every token with every token: 1.9 GB for 120 s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

SLICE_FRAMES = 64
"""Latent frames decoded at once, without margins: 6 s."""


def receptive_field(vae: Any) -> int:
    """Return the one-sided receptive field of a decoded sample, in latent frames, at most.

    Source: SAMETransformerResamplingBlock of diffusers 0.42.1: each layer attends to `sliding_window`
    segments on both sides, and a segment is a latent frame or, in a finer level, a part of one. The
    projections and the unpatching mix nothing, and rotary positions are relative.
    """
    return int(vae.config.sliding_window) * sum(int(depth) for depth in vae.config.encoder_transformer_depths)


@torch.inference_mode()
def decode(
    vae: Any, latents: torch.Tensor, samples: int, on_slice: Callable[[], None] = lambda: None
) -> torch.Tensor:
    """Decode latents [1, channels, frames] to the first samples of audio, float32 on the CPU.

    Returns [audio channels, ≤ samples], equal to decoding in one piece up to rounding.
    """
    margin, hop = receptive_field(vae), vae.downsampling_ratio
    frames = min(latents.shape[-1], -(-samples // hop))
    pieces = []
    for start in range(0, frames, SLICE_FRAMES):
        on_slice()
        end = min(start + SLICE_FRAMES, frames)
        low, high = max(0, start - margin), min(latents.shape[-1], end + margin)
        wave = vae.decode(latents[..., low:high]).sample[0]
        pieces.append(wave[:, (start - low) * hop : (end - low) * hop].float().cpu())
    return torch.cat(pieces, -1)[:, :samples]
