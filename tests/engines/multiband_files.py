"""Writes MultiBandDiffusion's published file with random weights: mbd_musicgen_32khz.th.

Its layout is what audiocraft 1.3.0's load_diffusion_models reads; names and shapes come from the manifest,
settings from config/solver/diffusion/default.yaml and config/model/score/basic.yaml at other sizes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf

from tests.engines.checkpoint_files import TINY, random_tensors

SIZES = {"hidden": 4, "growth": 2, "unet_kernel": 8, "num_steps": 1000, "latent": TINY["latent"]}
BANDS = 2
PROCESSOR_BANDS = 8


def settings(band: int) -> dict[str, Any]:
    return {
        "channels": 1,
        "sample_rate": 32_000,
        "diffusion_unet": {
            "hidden": SIZES["hidden"],
            "depth": 4,
            "res_blocks": 1,
            "norm_groups": 4,
            "kernel": SIZES["unet_kernel"],
            "stride": 4,
            "growth": SIZES["growth"],
            "max_channels": 10_000,
            "dropout": 0.0,
            "emb_all_layers": True,
            "bilstm": False,
            "codec_dim": SIZES["latent"],
            "transformer": False,
            "cross_attention": False,
        },
        "processor": {
            "name": "multi_band_processor",
            "use": True,
            "n_bands": PROCESSOR_BANDS,
            "num_samples": 10_000,
            "power_std": 1.0,
        },
        "filter": {"use": True, "n_bands": BANDS, "idx_band": band, "cutoffs": None},
        "schedule": {
            "repartition": "power",
            "variable_step_batch": True,
            "beta_t0": 1.0e-5,
            "beta_t1": 2.9e-2,
            "beta_exp": 7.5,
            "num_steps": SIZES["num_steps"],
            "variance": "beta",
            "clip": 5.0,
            "rescale": 1.0,
            "n_bands": None,
            "noise_scale": 1.0,
        },
    }


def write_multiband(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    saved: dict[Any, Any] = {"sample_rate": 32_000, "n_bands": BANDS}
    for band in range(BANDS):
        state = random_tensors("multiband", SIZES, seed=10 + band)
        # As after training: what comes out of the last layer is about as loud as noise.
        spread = torch.linspace(1.0, 2.0, PROCESSOR_BANDS)
        saved[band] = {
            "cfg": OmegaConf.create(settings(band)),
            "model_state": state,
            "processor_state": {
                "counts": torch.tensor([10_000.0]),
                "sum_x": torch.zeros(PROCESSOR_BANDS),
                "sum_x2": 10_000 * 0.01 * spread,
                "sum_target_x2": 10_000 * 0.1 * spread,
                "split_bands.lowpass.filters": _filters(),
            },
        }
    torch.save(saved, folder / "mbd_musicgen_32khz.th")
    return folder


def _filters() -> torch.Tensor:
    from julius.bands import SplitBands

    bands = SplitBands(sample_rate=32_000, n_bands=PROCESSOR_BANDS)
    filters: torch.Tensor = bands.state_dict()["lowpass.filters"]
    return filters
