"""Stable Audio 3: its decoder in slices, and its two kinds of models."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bot.engines import registry
from bot.engines.diffusion import same
from bot.recipe import Mode


@pytest.mark.parametrize(("frames", "slice_frames"), [(40, 7), (64, 16), (5, 256)])
def test_slices_sound_like_the_whole(
    frames: int, slice_frames: int, engine: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    vae = copy.deepcopy(engine("stable_audio_3")._pipe.vae).double()
    monkeypatch.setattr(same, "SLICE_FRAMES", slice_frames)
    latents = torch.randn(1, 6, frames, generator=torch.Generator().manual_seed(1)).double()
    with torch.inference_mode():
        whole = vae.decode(latents).sample[0]
    asked = []
    ours = same.decode(vae, latents, whole.shape[1] - 13, lambda: asked.append(1))
    assert (ours - whole[:, :-13]).abs().max() < 1e-6 * whole.abs().max()
    assert len(asked) == -(-frames // slice_frames)


def test_a_sample_hears_no_further_than_the_margin(engine: Callable[[str], Any]) -> None:
    vae = engine("stable_audio_3")._pipe.vae
    reach = same.receptive_field(vae)
    latents = torch.zeros(1, 6, 8 * reach)
    changed = latents.clone()
    changed[..., 4 * reach] = 10
    with torch.inference_mode():
        apart = (vae.decode(latents).sample - vae.decode(changed).sample)[0].abs().amax(0)
    heard = (apart > 1e-9).nonzero().flatten() // vae.downsampling_ratio
    assert 3 * reach <= heard.min() < 4 * reach < heard.max() <= 5 * reach


def test_an_undistilled_model_takes_guidance_and_a_negative_prompt(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(folders["stable_audio_3"], tmp_path / "base")
    file = folder / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"stochastic_sampling": False}))
    taken = registry.describe(Mode.DIFFUSION, str(folder)).options
    assert set(taken) == {"num_sampling_steps", "guidance_scale", "negative_prompt"}
    assert taken["num_sampling_steps"].default == 100
    distilled = registry.describe(Mode.DIFFUSION, str(folders["stable_audio_3"])).options
    assert (set(distilled), distilled["num_sampling_steps"].default) == ({"num_sampling_steps"}, 8)
