"""Writes audiocraft's own checkpoints with random weights: state_dict.bin and compression_state_dict.bin.

Names and shapes come from tests/engines/manifests; the settings are those of audiocraft 1.3.0's config/
(model/lm/musicgen_lm.yaml, conditioner/*.yaml, model/encodec/*.yaml), at other sizes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from safetensors.torch import save_file

from tests.engines.checkpoint_files import TINY, Sizes, config, random_tensors, write_tokenizer

T5_SNAPSHOT = "0" * 40


def language_settings(sizes: Sizes, *, melody: bool, stereo: bool) -> dict[str, Any]:
    books = sizes["book"]
    conditioners: dict[str, Any] = {
        "description": {
            "model": "t5",
            "t5": {"name": "t5-base", "finetune": False, "word_dropout": 0.3, "normalize_text": False},
        }
    }
    if melody:
        conditioners["self_wav"] = {
            "model": "chroma_stem",
            "chroma_stem": {
                "sample_rate": "${sample_rate}",
                "n_chroma": 12,
                "radix2_exp": 14,
                "argmax": True,
            },
        }
    return {
        "sample_rate": 32_000,
        "channels": 2 if stereo else 1,
        "lm_model": "transformer_lm",
        "interleave_stereo_codebooks": {"use": stereo},
        "codebooks_pattern": {
            "modeling": "delay",
            "delay": {
                "delays": [book // (2 if stereo else 1) for book in range(books)],
                "flatten_first": 0,
                "empty_initial": 0,
            },
        },
        "transformer_lm": {
            "dim": sizes["hidden"],
            "num_heads": sizes["heads"],
            "num_layers": sizes["layer"],
            "hidden_scale": sizes["middle"] // sizes["hidden"],
            "n_q": books,
            "card": sizes["vocabulary"],
            "bias_proj": False,
            "norm_first": True,
            "emb_lr": None,
        },
        "fuser": {
            "cross": [] if melody else ["description"],
            "prepend": ["self_wav", "description"] if melody else [],
            "sum": [],
            "input_interpolate": [],
        },
        "conditioners": conditioners,
        "dataset": {"segment_duration": 30},
    }


def codec_settings(sizes: Sizes) -> dict[str, Any]:
    return {
        "sample_rate": 32_000,
        "channels": 1,
        "device": "cpu",
        "compression_model": "encodec",
        "encodec": {
            "autoencoder": "seanet",
            "quantizer": "rvq",
            "sample_rate": "${sample_rate}",
            "channels": "${channels}",
            "causal": False,
            "renormalize": False,
        },
        "seanet": {
            "dimension": sizes["latent"],
            "channels": "${channels}",
            "causal": "${encodec.causal}",
            "n_filters": sizes["filters"],
            "n_residual_layers": 1,
            "ratios": [sizes[f"ratio{n}"] for n in range(4)],
            "activation": "ELU",
            "activation_params": {"alpha": 1.0},
            "norm": "weight_norm",
            "norm_params": {},
            "kernel_size": sizes["kernel"],
            "residual_kernel_size": 3,
            "last_kernel_size": sizes["kernel"],
            "dilation_base": 2,
            "pad_mode": "constant",
            "true_skip": True,
            "compress": 2,
            "lstm": 2,
            "disable_norm_outer_blocks": 0,
            "decoder": {"trim_right_ratio": 1.0, "final_activation": None, "final_activation_params": None},
            "encoder": {},
        },
        "rvq": {
            "n_q": sizes["codec_book"],
            "q_dropout": False,
            "bins": sizes["vocabulary"],
            "decay": 0.99,
            "kmeans_init": True,
            "kmeans_iters": 50,
            "threshold_ema_dead_code": 2,
            "orthogonal_reg_weight": 0.0,
            "orthogonal_reg_active_codes_only": False,
        },
    }


def write_audiocraft(
    folder: Path, *, melody: bool = False, stereo: bool = False, pickled: bool = False, refers: bool = False
) -> Path:
    """Write a tiny MusicGen as audiocraft exports it; with `pickled`, its settings as OmegaConf's objects.

    refers: the codec's file holds the name of a published codec alone, as export_pretrained_compression_model
    writes it.
    """
    sizes = dict(TINY)
    if stereo:
        sizes["book"] = 2 * sizes["codec_book"]
    folder.mkdir(parents=True, exist_ok=True)

    def settings(plain: dict[str, Any]) -> Any:
        made = OmegaConf.create(plain)
        return made if pickled else OmegaConf.to_yaml(made)

    exported = {"version": "1.3.0", "exported": True}
    torch.save(
        {
            "best_state": random_tensors(
                "audiocraft_melody_lm" if melody else "audiocraft_lm", sizes, seed=1
            ),
            "xp.cfg": settings(language_settings(sizes, melody=melody, stereo=stereo)),
            **exported,
        },
        folder / "state_dict.bin",
    )
    codec: dict[str, Any] = {"pretrained": "facebook/encodec_32khz", **exported}
    if not refers:
        codec = {
            "best_state": random_tensors("audiocraft_codec", sizes, seed=2),
            "xp.cfg": settings(codec_settings(sizes)),
            **exported,
        }
    torch.save(codec, folder / "compression_state_dict.bin")
    return folder


def write_text_encoder(cache: Path, name: str = "google-t5/t5-base") -> Path:
    """Put a tiny T5 into a Hugging Face cache under the published one's name."""
    folder = _snapshot(cache, name)
    tensors = random_tensors("musicgen", TINY, seed=3)
    own = {n.removeprefix("text_encoder."): t for n, t in tensors.items() if n.startswith("text_encoder.")}
    # The published file holds T5's decoder too.
    own["decoder.final_layer_norm.weight"] = torch.ones(TINY["t5_width"])
    save_file(own, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config(TINY)["text_encoder"]))
    write_tokenizer(folder, TINY["t5_vocabulary"])
    return folder


def write_codec(cache: Path, name: str = "facebook/encodec_32khz") -> Path:
    """Put a tiny EnCodec in transformers' layout into a Hugging Face cache under the published one's name."""
    folder = _snapshot(cache, name)
    tensors = random_tensors("musicgen", TINY, seed=4)
    own = {n.removeprefix("audio_encoder."): t for n, t in tensors.items() if n.startswith("audio_encoder.")}
    save_file(own, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config(TINY)["audio_encoder"]))
    return folder


def _snapshot(cache: Path, name: str) -> Path:
    kept = cache / f"models--{name.replace('/', '--')}"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text(T5_SNAPSHOT)
    folder = kept / "snapshots" / T5_SNAPSHOT
    folder.mkdir(parents=True)
    return folder
