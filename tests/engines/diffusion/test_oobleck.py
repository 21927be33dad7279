"""The waveform decoder in slices."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch

from bot.engines.diffusion import oobleck


@pytest.mark.parametrize("kind", ["turbo", "stable_audio"])
@pytest.mark.parametrize(
    ("frames", "slice_frames", "tile"), [(40, 7, 16_384), (64, 16, 100), (5, 256, 1), (40, 256, 640)]
)
def test_slices_and_tiles_sound_like_the_whole(
    kind: str,
    frames: int,
    slice_frames: int,
    tile: int,
    engine: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # In float64: the decoder's sines of large random numbers make a rounding in float32 heard.
    vae = copy.deepcopy(engine(kind)._pipe.vae).double()
    monkeypatch.setattr(oobleck, "SLICE_FRAMES", slice_frames)
    monkeypatch.setattr(oobleck, "TILE_SAMPLES", tile)
    channels = vae.config.decoder_input_channels
    latents = torch.randn(1, channels, frames, generator=torch.Generator().manual_seed(1)).double()
    with torch.inference_mode():
        whole = vae.decode(latents).sample[0]
    samples = whole.shape[1] - 123
    asked = []
    ours = oobleck.decode(vae, latents, samples, lambda: asked.append(1))
    assert ours.shape == (2, samples)
    assert (ours - whole[:, :samples]).abs().max() < 1e-6 * whole.abs().max()
    assert len(asked) == -(-frames // slice_frames)


@pytest.mark.parametrize(("frames", "slice_frames"), [(40, 7), (64, 16), (5, 256)])
def test_slices_are_encoded_like_the_whole(
    frames: int, slice_frames: int, engine: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    vae = copy.deepcopy(engine("turbo")._pipe.vae).double()
    monkeypatch.setattr(oobleck, "SLICE_FRAMES", slice_frames)
    wave = torch.randn(1, 2, 320 * frames, generator=torch.Generator().manual_seed(1)).double()
    with torch.inference_mode():
        whole = vae.encode(wave).latent_dist.mode()
    asked = []
    ours = oobleck.encode(vae, wave, lambda: asked.append(1))
    assert ours.shape == whole.shape == (1, 8, frames)
    assert (ours - whole).abs().max() < 1e-6 * whole.abs().max()
    assert len(asked) == -(-frames // slice_frames)


def test_a_cpu_never_holds_the_last_blocks_of_a_whole_slice(
    engine: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    vae = copy.deepcopy(engine("turbo")._pipe.vae)
    monkeypatch.setattr(oobleck, "TILE_SAMPLES", 640)
    lengths: list[int] = []
    vae.decoder.conv2.register_forward_pre_hook(lambda module, given: lengths.append(given[0].shape[-1]))
    oobleck.decode(vae, torch.zeros(1, vae.config.decoder_input_channels, 40), 40 * 320)
    assert len(lengths) == 40 * 320 // 640
    assert max(lengths) < 3 * 640


@pytest.mark.parametrize("kind", ["turbo", "stable_audio"])
def test_a_sample_hears_no_further_than_the_reach_says(kind: str, engine: Callable[[str], Any]) -> None:
    vae = engine(kind)._pipe.vae
    reach = oobleck.receptive_field(list(vae.config.downsampling_ratios)[::-1])
    latents = torch.zeros(1, vae.config.decoder_input_channels, 4 * reach)
    changed = latents.clone()
    changed[..., 2 * reach] = 100
    with torch.inference_mode():
        apart = (vae.decode(latents).sample - vae.decode(changed).sample)[0].abs().amax(0)
    hop = apart.shape[0] // (4 * reach)
    heard = apart.nonzero().flatten() // hop
    assert 2 * reach - reach <= heard.min()
    assert heard.max() <= 2 * reach + reach
    assert heard.max() - heard.min() > reach
