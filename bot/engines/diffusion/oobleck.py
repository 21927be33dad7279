"""Stable Audio's and ACE-Step's waveform decoder, run slice by slice over only what a clip needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

SLICE_FRAMES = 256
"""Latent frames decoded at once, margins apart: 10 s of ACE-Step, 12 s of Stable Audio."""


def reach(upsampling_ratios: list[int]) -> int:
    """Return how many latent frames left and right a sample of the decoder hears.

    Source: OobleckDecoder of diffusers 0.42.1. First a convolution of 7 frames; then, at each ratio, a
    transposed convolution of twice its width and three residual convolutions of 7 with dilations 1, 3 and 9;
    last a convolution of 7 samples.
    """
    frames, width = 3.0, 1
    for ratio in upsampling_ratios:
        frames += 1 / width  # a transposed convolution mixes two neighbours
        width *= ratio
        frames += 3 * (1 + 3 + 9) / width
    return math.ceil(frames + 3 / width)


@torch.inference_mode()
def decode(
    vae: Any, latents: torch.Tensor, samples: int, between: Callable[[], None] = lambda: None
) -> torch.Tensor:
    """Return the first samples that the decoder makes of latents [1, channels, frames], float32 on the CPU.

    The result [audio channels, ≤ samples] is the whole decoding's, up to rounding: each slice hears its
    neighbours as far as the decoder reaches. `between` is called before every slice.
    """
    ratios = list(vae.config.downsampling_ratios)
    margin, hop = reach(ratios[::-1]), math.prod(ratios)
    frames = min(latents.shape[-1], math.ceil(samples / hop))
    if any(ratio % 2 for ratio in ratios):
        # An odd transposed convolution gives a sample less than its ratio says: nothing would line up.
        between()
        return torch.as_tensor(vae.decode(latents).sample[0].float().cpu()[:, :samples])
    pieces = []
    for start in range(0, frames, SLICE_FRAMES):
        between()
        end = min(start + SLICE_FRAMES, frames)
        low, high = max(0, start - margin), min(latents.shape[-1], end + margin)
        wave = vae.decode(latents[..., low:high]).sample[0]
        pieces.append(wave[:, (start - low) * hop : (end - low) * hop].float().cpu())
    return torch.cat(pieces, -1)[:, :samples]


def fuse_weight_norm(vae: Any) -> None:
    """Multiply the decoder's weight normalisation out, once instead of at every slice."""
    for module in vae.modules():
        if hasattr(module, "weight_g"):
            torch.nn.utils.remove_weight_norm(module)
