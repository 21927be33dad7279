"""Write the shipped files from finished runs.

`python -m training.export ar RUN bot/weights/tiny/ar` or `diffusion RUN LATENT_RUN …`.

Weights are the moving averages, in half precision, as safetensors.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from bot.engines.score.bank import SAMPLE_RATE
from bot.engines.score.engine import STYLES_FILE
from bot.engines.score.format import MAX_SECONDS, STREAMS, VOCABULARY
from bot.engines.score.format_version import VERSION
from training.loop import text_encoder
from training.train_ar import Model as ArModel
from training.train_diffusion import Model as DiffusionModel

INSTRUMENTS_FILE = "instruments/model.safetensors"
TITLE = "built-in score model, sampled instruments"
LICENCE = "MIT"
SHARED = {
    "title": TITLE,
    "licence": LICENCE,
    "score_format": VERSION,
    "sample_rate": SAMPLE_RATE,
    "min_seconds": 5,
    "max_seconds": MAX_SECONDS,
    "sounds": "../sounds",
}
TEMPI = [48, 200]
"""Beats per minute that the score format holds, within 1.6 %."""
AR_OPTIONS = {
    "bpm": TEMPI,
    "temperature": [0.1, 2.0, 0.95],
    "top_k": [0, VOCABULARY, 40],
    "guidance_scale": [1.0, 8.0, 2.5],
}
DIFFUSION_OPTIONS = {"bpm": TEMPI, "num_sampling_steps": [4, 200, 30], "guidance_scale": [1.0, 8.0, 4.0]}


def half(weights: dict[str, torch.Tensor], drop: tuple[str, ...] = ()) -> dict[str, torch.Tensor]:
    """Return weights in half precision, contiguous, without the names given."""
    return {n: w.detach().half().contiguous() for n, w in weights.items() if n not in drop}


def under(weights: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """Return the weights whose names begin with a prefix, without it."""
    return {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}


def export_ar(run: Path, folder: Path) -> None:
    """Write the autoregressive model in the layout of MusicGen's checkpoints."""
    average = torch.load(run / "last.pt", weights_only=True)["average"]
    model = ArModel(text_encoder())
    folder.mkdir(parents=True, exist_ok=True)
    unused = tuple(n for n in average if n.endswith("embed_positions.weights") or n.startswith("scene_head."))
    save_file(half(average, unused), folder / "model.safetensors", {"format": "pt"})
    decoder = model.decoder.config.to_diff_dict() | {"model_type": "musicgen_decoder"}
    encoder = model.text_encoder.config()
    _write(
        folder / "config.json",
        {
            "architectures": ["MusicgenForConditionalGeneration"],
            "model_type": "musicgen",
            "text_encoder": encoder,
            "decoder": decoder,
            "audio_encoder": {
                "model_type": "antiphon_score",
                "version": VERSION,
                "sampling_rate": SAMPLE_RATE,
                "audio_channels": 2,
                "num_codebooks": STREAMS,
                "codebook_size": VOCABULARY,
            },
            "torch_dtype": "float16",
        },
    )
    _write(
        folder / "antiphon.json",
        SHARED
        | {
            "model": "antiphon-tiny-ar",
            "mode": "ar",
            "files": ["config.json", "model.safetensors", STYLES_FILE],
            "options": AR_OPTIONS,
            "negative_prompt": True,
            "real_time_factor": 0.25,
        },
    )


def export_diffusion(run: Path, latent: Path, folder: Path) -> None:
    """Write the diffusion model.

    Text encoder and transformer in their libraries' layouts, planner and autoencoder.
    """
    average = torch.load(run / "last.pt", weights_only=True)["average"]
    coder = torch.load(latent / "last.pt", weights_only=True)["average"]
    model = DiffusionModel(text_encoder())
    parts: dict[str, tuple[str, dict[str, torch.Tensor]]] = {
        "text_encoder": (
            "model.safetensors",
            half(under(average, "text_encoder.")),
        ),
        "transformer": ("diffusion_pytorch_model.safetensors", half(under(average, "transformer."))),
        "planner": ("model.safetensors", half(under(average, "planner."))),
        "autoencoder": ("model.safetensors", half(coder)),
    }
    for name, (file, weights) in parts.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        save_file(weights, folder / name / file, {"format": "pt"})
    _write(
        folder / "text_encoder" / "config.json",
        model.text_encoder.config(),
    )
    shape = {k: v for k, v in model.transformer.config.items() if not k.startswith("_")}
    _write(folder / "transformer" / "config.json", {"_class_name": "StableAudioDiTModel", **shape})
    _write(
        folder / "antiphon.json",
        SHARED
        | {
            "model": "antiphon-tiny-diffusion",
            "mode": "diffusion",
            "files": [f"{name}/{file}" for name, (file, _) in parts.items()]
            + [INSTRUMENTS_FILE, "text_encoder/config.json", "transformer/config.json", STYLES_FILE],
            "options": DIFFUSION_OPTIONS,
            "negative_prompt": True,
            "real_time_factor": 0.25,
        },
    )


def _write(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Export as the command line asks."""
    parser = argparse.ArgumentParser(description="Write the shipped files from finished runs.")
    parser.add_argument("mode", choices=("ar", "diffusion"))
    parser.add_argument("run", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--latent", type=Path, help="run of the autoencoder, for diffusion")
    args = parser.parse_args()
    if args.mode == "ar":
        export_ar(args.run, args.folder)
    else:
        export_diffusion(args.run, args.latent, args.folder)


if __name__ == "__main__":
    main()
