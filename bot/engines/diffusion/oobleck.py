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
TILE_SAMPLES = 16_384
"""Samples that a CPU makes at once in the last blocks of the decoder, without margins.

Their activations are then 8 MB at the published width, which a processor's cache holds. In whole slices they
are 270 MB, and every convolution and sine waits for memory: 7.1 s for 5 s of ACE-Step instead of 2.4 s (AMD
EPYC, Zen 5, two threads). Tiles of 8,192 take as long, of 65,536 4.1 s.
"""
WHOLE_BLOCKS = 2
"""Blocks of the decoder before the tiles begin. Tiles from the block before or after it on are slower."""


def receptive_field(upsampling_ratios: list[int], before: float = 3.0) -> int:
    """Return the one-sided receptive field of a decoded sample, in latent frames.

    Source: OobleckDecoder of diffusers 0.42.1. First a convolution of 7 frames; then, at each ratio, a
    transposed convolution of twice its width and three residual convolutions of 7 with dilations 1, 3 and 9;
    last a convolution of 7 samples.

    before: the frames of the first convolution, 0 for a decoder's last blocks.
    """
    frames, width = before, 1
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
        wave = _decode_slice(vae, latents[..., low:high])
        pieces.append(wave[:, (start - low) * hop : (end - low) * hop].float().cpu())
    return torch.cat(pieces, -1)[:, :samples]


def _decode_slice(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    """Decode latents [1, channels, frames] to audio [audio channels, samples], on a CPU in tiles."""
    if latents.device.type != "cpu":
        return torch.as_tensor(vae.decode(latents).sample[0])
    decoder = vae.decoder
    hidden = decoder.conv1(latents)
    for block in decoder.block[:WHOLE_BLOCKS]:
        hidden = block(hidden)
    blocks, ratios = decoder.block[WHOLE_BLOCKS:], list(vae.config.downsampling_ratios)[::-1][WHOLE_BLOCKS:]
    margin, hop = receptive_field(ratios, before=0), math.prod(ratios)
    step, frames = max(1, TILE_SAMPLES // hop), hidden.shape[-1]
    tiles = []
    for start in range(0, frames, step):
        low, high = max(0, start - margin), min(frames, start + step + margin)
        tile = hidden[..., low:high]
        for block in blocks:
            tile = block(tile)
        wave = decoder.conv2(decoder.snake1(tile))[0]
        tiles.append(wave[:, (start - low) * hop : (min(start + step, frames) - low) * hop])
    return torch.cat(tiles, -1)


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
