"""Sliced encoding and decoding with AutoencoderOobleck, the VAE of Stable Audio and ACE-Step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

SLICE_FRAMES = 256
"""Latent frames decoded at once, without margins: 10 s of ACE-Step, 12 s of Stable Audio.

It bounds the memory of the activations, and the time between two heartbeats.
"""


def receptive_field(upsampling_ratios: list[int]) -> int:
    """Return the one-sided receptive field of a decoded sample, in latent frames.

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
    vae: Any, latents: torch.Tensor, samples: int, on_slice: Callable[[], None] = lambda: None
) -> torch.Tensor:
    """Decode latents [1, channels, frames] to the first samples of audio, float32 on the CPU.

    Returns [audio channels, ≤ samples], equal to decoding in one piece up to rounding: each slice is decoded
    with a margin of one receptive field on both sides. `on_slice` is called before every slice.
    """
    ratios = list(vae.config.downsampling_ratios)
    margin, hop = receptive_field(ratios[::-1]), math.prod(ratios)
    frames = min(latents.shape[-1], math.ceil(samples / hop))
    if any(ratio % 2 for ratio in ratios):
        # An odd transposed convolution gives a sample less than its ratio says: nothing would line up.
        on_slice()
        return torch.as_tensor(vae.decode(latents).sample[0].float().cpu()[:, :samples])
    pieces = []
    for start in range(0, frames, SLICE_FRAMES):
        on_slice()
        end = min(start + SLICE_FRAMES, frames)
        low, high = max(0, start - margin), min(latents.shape[-1], end + margin)
        wave = vae.decode(latents[..., low:high]).sample[0]
        pieces.append(wave[:, (start - low) * hop : (end - low) * hop].float().cpu())
    return torch.cat(pieces, -1)[:, :samples]


def encoder_receptive_field(downsampling_ratios: list[int]) -> int:
    """Return the one-sided receptive field of an encoded latent frame, in latent frames.

    Source: OobleckEncoder of diffusers 0.42.1. First a convolution of 7 samples; then, at each ratio, three
    residual convolutions of 7 with dilations 1, 3 and 9 and a strided convolution of twice its width; last a
    convolution of 3 frames.
    """
    samples, width = 3.0, 1
    for ratio in downsampling_ratios:
        samples += 3 * (1 + 3 + 9) * width
        width *= ratio
        samples += width
    return math.ceil(samples / width + 1)


@torch.no_grad()
def encode(vae: Any, wave: torch.Tensor, on_slice: Callable[[], None] = lambda: None) -> torch.Tensor:
    """Encode audio [1, channels, samples] to the mean of its latents [1, channels, frames].

    samples: whole frames.  Equal to encoding in one piece up to rounding, in slices as `decode` works.
    """
    ratios = list(vae.config.downsampling_ratios)
    margin, hop = encoder_receptive_field(ratios), math.prod(ratios)
    frames = wave.shape[-1] // hop
    pieces = []
    for start in range(0, frames, SLICE_FRAMES):
        on_slice()
        end = min(start + SLICE_FRAMES, frames)
        low, high = max(0, start - margin), min(frames, end + margin)
        # The class's own method: the instance's may be this function.
        encoded = type(vae).encode(vae, wave[..., low * hop : high * hop]).latent_dist.mode()
        pieces.append(encoded[..., start - low : end - low])
    return torch.cat(pieces, -1)


def fuse_weight_norm(vae: Any) -> None:
    """Fold the weight normalisation into the weights, once instead of at every forward pass."""
    for module in vae.modules():
        if hasattr(module, "weight_g"):
            torch.nn.utils.remove_weight_norm(module)
