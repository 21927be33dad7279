"""Small pipelines on disk: the names, shapes and configs of manifests/*.json, filled with random numbers."""

from __future__ import annotations

import json
import math
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

MANIFESTS = Path(__file__).parent / "manifests"
_ONES = re.compile(
    r"(weight_g|running_var|alpha|(norm|layer_norm|layernorm|norm\d|LayerNorm|ln_\w)\.weight)$"
)
"""Weights that scale: random ones around nought would silence the rest."""
WORDS = ["slow", "piano", "in", "the", "rain", "loud", "drums", "la", "hot", "sun"]


@cache
def manifest(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((MANIFESTS / f"{name}.json").read_text())
    return loaded


def write_pipeline(
    folder: Path,
    name: str,
    *,
    seed: int = 0,
    readme: str = "",
    without: tuple[str, ...] = (),
    **config: Any,
) -> Path:
    """Write a pipeline as its authors would have; `config` changes its transformer's configuration.

    without: parts that are left out, as in a turbo model of ACE-Step.
    """
    plan = manifest(name)
    rng = np.random.default_rng(seed)
    index: dict[str, Any] = {"_class_name": plan["pipeline"], "_diffusers_version": "0.42.1"}
    for part, found in plan["parts"].items():
        if part in without:
            index[part] = [None, None]
            continue
        index[part] = found["class"]
        place = folder / part
        place.mkdir(parents=True)
        for file, content in found["files"].items():
            changed = content | config if part == "transformer" and file == "config.json" else content
            (place / file).write_text(json.dumps(changed))
        for file, shapes in found["weights"].items():
            tensors = {key: numbers(key, shape, rng) for key, shape in shapes.items()}
            save_file(tensors, place / file, {"format": "pt"})
    for part, kind in plan["tokenizers"].items():
        index[part] = ["transformers", kind]
        write_tokenizer(folder / part, kind)
    (folder / "model_index.json").write_text(json.dumps(index))
    if readme:
        (folder / "README.md").write_text(readme)
    return folder


def numbers(name: str, shape: list[int], rng: np.random.Generator) -> np.ndarray:
    """Numbers that keep a network alive at any depth."""
    if _ONES.search(name):
        return np.ones(shape, np.float32)
    width = math.prod(shape[1:]) if len(shape) > 1 else 10
    return np.asarray(rng.standard_normal(shape) / math.sqrt(max(width, 1)), np.float32)


def write_tokenizer(folder: Path, kind: str) -> None:
    folder.mkdir(parents=True)
    settings: dict[str, Any] = {"tokenizer_class": kind, "model_max_length": 64}
    if kind.startswith("T5"):
        pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((f"▁{word}", -2.0) for word in WORDS)]
        tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.post_processor = processors.TemplateProcessing(
            single="$A </s>", special_tokens=[("</s>", 1)]
        )
        settings |= {"extra_ids": 0, "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    else:
        letters = sorted(pre_tokenizers.ByteLevel.alphabet())
        special = {
            "Roberta": ["<s>", "<pad>", "</s>", "<unk>"],
            "GemmaTo": ["<pad>", "<eos>", "<bos>", "<unk>"],
        }.get(kind[:7], ["<|endoftext|>"])
        vocabulary = {piece: number for number, piece in enumerate([*special, *letters])}
        tokenizer = Tokenizer(models.BPE(vocabulary, []))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        (folder / "vocab.json").write_text(json.dumps(vocabulary))
        (folder / "merges.txt").write_text("#version: 0.2\n")
        if len(special) == 1:
            settings |= {"pad_token": special[0], "eos_token": special[0], "model_max_length": 4096}
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
