"""Writes MusicGen checkpoints with random weights in the published formats, tiny or at their true sizes.

Names and shapes come from tests/engines/manifests, never from the code that loads them.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

MANIFESTS = Path(__file__).parent / "manifests"
TINY = {
    "filters": 4,
    "kernel": 7,
    "latent": 8,
    "ratio0": 10,
    "ratio1": 8,
    "ratio2": 8,
    "ratio3": 5,
    "codec_book": 4,
    "vocabulary": 64,
    "t5_vocabulary": 300,
    "t5_width": 24,
    "t5_heads": 2,
    "t5_head": 8,
    "t5_middle": 32,
    "t5_layer": 2,
    "positions": 64,
    "hidden": 32,
    "middle": 64,
    "layer": 2,
    "heads": 2,
    "book": 4,
}
"""A model whose codec has 10 frames a second instead of 50, so that a clip takes a fifth of the steps."""
Sizes = dict[str, int]


def manifest(name: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads((MANIFESTS / f"{name}.json").read_text())
    return parsed


def shapes(name: str, sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """Every tensor of a manifest at these sizes."""
    return dict(_expanded(manifest(name)["tensors"], sizes))


def _expanded(tensors: dict[str, list[Any]], sizes: Sizes) -> Iterator[tuple[str, tuple[int, ...]]]:
    for template, shape in tensors.items():
        counted = re.findall(r"{(\w+)}", template)
        for numbers in itertools.product(*(range(sizes[name]) for name in counted)):
            name = template.format(**dict(zip(counted, numbers, strict=True)))
            yield name, tuple(eval(str(entry), {}, dict(sizes)) for entry in shape)


def random_tensors(
    name: str, sizes: Sizes, seed: int = 0, dtype: torch.dtype = torch.float32
) -> dict[str, Any]:
    """A manifest's tensors, of a size that keeps every activation alive and finite."""
    generator = torch.Generator().manual_seed(seed)
    return {
        tensor: _random(tensor, shape, generator).to(dtype) for tensor, shape in shapes(name, sizes).items()
    }


def _random(name: str, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    last = name.rpartition(".")[2]
    if name.endswith("embed_positions.weights"):
        half = shape[1] // 2
        angles = torch.arange(shape[0])[:, None] * torch.exp(
            torch.arange(half) * -(math.log(10_000) / (half - 1))
        )
        return torch.cat([angles.cos(), angles.sin()], 1)
    if name.endswith("spec.window"):
        return torch.hann_window(shape[0])
    if last in ("inited", "cluster_size"):
        return torch.ones(shape)
    noise = _noise(shape, generator)
    if last == "weight_g":
        return 1 + 0.1 * noise.abs()
    if "norm" in name and last == "weight":
        return 1 + 0.1 * noise
    if last in ("embed", "embed_avg") or re.search(r"emb\.\d|embed_tokens|shared|relative", name):
        return noise
    if last == "bias":
        return 0.05 * noise
    # So that a product keeps the size of what goes in.
    return noise / math.sqrt(math.prod(shape[1:]))


def _noise(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """Normal noise; at the true sizes a million numbers again and again, which nothing here can tell."""
    count, drawn = math.prod(shape), 1_000_003
    if count <= drawn:
        return torch.randn(shape, generator=generator)
    return torch.randn(drawn, generator=generator).repeat(-(-count // drawn))[:count].view(shape)


def config(sizes: Sizes, *, melody: bool = False) -> dict[str, Any]:
    """A config.json in the form of facebook/musicgen-small's, or of facebook/musicgen-melody's."""
    channels = sizes["book"] // sizes["codec_book"]
    kind = "musicgen_melody" if melody else "musicgen"
    made: dict[str, Any] = {
        "architectures": [
            "MusicgenMelodyForConditionalGeneration" if melody else "MusicgenForConditionalGeneration"
        ],
        "model_type": kind,
        "is_encoder_decoder": True,
        "text_encoder": {
            "model_type": "t5",
            "d_model": sizes["t5_width"],
            "d_ff": sizes["t5_middle"],
            "d_kv": sizes["t5_head"],
            "num_heads": sizes["t5_heads"],
            "num_layers": sizes["t5_layer"],
            "vocab_size": sizes["t5_vocabulary"],
            "feed_forward_proj": "relu",
            "n_positions": 512,
        },
        "audio_encoder": {
            "model_type": "encodec",
            "audio_channels": 1,
            "sampling_rate": 32_000,
            "num_filters": sizes["filters"],
            "hidden_size": sizes["latent"],
            "codebook_dim": sizes["latent"],
            "codebook_size": sizes["vocabulary"],
            "upsampling_ratios": [sizes[f"ratio{n}"] for n in range(4)],
            "target_bandwidths": [_bandwidth(sizes)],
            "use_causal_conv": False,
            "use_conv_shortcut": False,
            "normalize": False,
            "chunk_length_s": None,
            "overlap": None,
            "pad_mode": "reflect",
            "norm_type": "weight_norm",
            "kernel_size": sizes["kernel"],
            "last_kernel_size": sizes["kernel"],
        },
        "decoder": {
            "model_type": f"{kind}_decoder",
            "hidden_size": sizes["hidden"],
            "ffn_dim": sizes["middle"],
            "num_hidden_layers": sizes["layer"],
            "num_attention_heads": sizes["heads"],
            "num_codebooks": sizes["book"],
            "vocab_size": sizes["vocabulary"],
            "audio_channels": channels,
            "max_position_embeddings": sizes["positions"],
            "pad_token_id": sizes["vocabulary"],
            "bos_token_id": sizes["vocabulary"],
            "activation_function": "gelu",
            "scale_embedding": False,
        },
    }
    if melody:
        made |= {"num_chroma": 12, "chroma_length": 235}
    return made


def _bandwidth(sizes: Sizes) -> float:
    hop = math.prod(sizes[f"ratio{n}"] for n in range(4))
    return sizes["codec_book"] * math.log2(sizes["vocabulary"]) * math.ceil(32_000 / hop) / 1000


def write_musicgen(
    folder: Path,
    *,
    melody: bool = False,
    stereo: bool = False,
    seed: int = 0,
    sizes: Sizes | None = None,
    dtype: torch.dtype = torch.float32,
) -> Path:
    """Write a checkpoint in transformers' layout, tiny unless sizes are given, and return its folder."""
    sizes = dict(TINY if sizes is None else sizes)
    if stereo:
        sizes["book"] = 2 * sizes["codec_book"]
    folder.mkdir(parents=True, exist_ok=True)
    name = "musicgen_melody" if melody else "musicgen"
    save_file(
        random_tensors(name, sizes, seed, dtype), folder / "model.safetensors", metadata={"format": "pt"}
    )
    (folder / "config.json").write_text(json.dumps(config(sizes, melody=melody), indent=2))
    (folder / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n# MusicGen\n")
    write_tokenizer(folder, sizes["t5_vocabulary"])
    return folder


def write_tokenizer(folder: Path, size: int) -> None:
    """Write a tokenizer.json of T5's kind: pieces with a probability each, and </s> at the end."""
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    words = ["▁", "▁piano", "▁calm", "▁slow", "▁guitar", "▁drums", "ing", "er", "an", "th", "▁the", "▁a"]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(piece, -2.0 - 0.01 * n) for n, piece in enumerate([*words, *letters])]
    pieces += [(f"<extra_id_{n}>", 0.0) for n in range(min(100, size - len(pieces)))]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    named = {"tokenizer_class": "T5Tokenizer", "model_max_length": 512, "extra_ids": 100}
    named |= {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(named))
