"""A LoRA over a denoiser's linear layers, added at their outputs while one clip is rendered.

W·x + s · α/r · B·A·x (arXiv:2106.09685). The weights stay as they are, so the next clip is not changed in the
last bit; peft is not needed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bot import loras
from bot.engines.checkpoints.stored import StoredTensors, entries
from bot.errors import InvalidRecipe, ModelMissing

MAX_RANK = 512
"""Larger than any that is trained; a file may claim what it likes."""
_KEY = re.compile(r"(?:base_model\.model\.|transformer\.)?(.+)\.lora_([AB])\.weight")
_RENAMED = ((".q_proj", ".to_q"), (".k_proj", ".to_k"), (".v_proj", ".to_v"), (".o_proj", ".to_out.0"))
"""ACE-Step's own names of projections, and diffusers' (its lora_conversion_utils)."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """One layer's matrices: down [rank, in], up [out, rank].  scale: α/r."""

    down: torch.Tensor
    up: torch.Tensor
    scale: float


def read_lora(value: str, model: Any) -> dict[str, Adapter]:
    """Return a recipe's LoRA by the name of each layer of the model. value: “name@hash”.

    Raises InvalidRecipe where it is gone or replaced, or where its file does not fit the model.
    """
    files = loras.files()
    name = loras.pinned(value, {known: loras.hash_of(file) for known, file in files.items()}).partition("@")[
        0
    ]
    file = files[name]
    try:
        tensors = StoredTensors(entries(file))
    except ModelMissing as error:
        raise InvalidRecipe(
            f"The LoRA {name} cannot be read: the owner has to add its file again."
        ) from error
    alpha = _alpha(file)
    layers = linear_layers(model)
    halves: dict[str, dict[str, torch.Tensor]] = {}
    for key in tensors:
        match = _KEY.fullmatch(key)
        layer = match[1] if match else ""
        for old, new in _RENAMED:
            layer = layer.replace(old, new)
        if match is None or layer not in layers:
            raise InvalidRecipe(
                f"The LoRA {name} is for another model: it changes {key[:60]}, which is not there."
            )
        halves.setdefault(layer, {})[match[2]] = tensors[key]
    found = {}
    for layer, pair in halves.items():
        linear = layers[layer]
        down, up = pair.get("A"), pair.get("B")
        fits = (
            down is not None
            and up is not None
            and down.dim() == up.dim() == 2
            and 0 < down.shape[0] <= MAX_RANK
            and (up.shape[0], down.shape[1]) == (linear.out_features, linear.in_features)
            and up.shape[1] == down.shape[0]
            and bool(down.isfinite().all() and up.isfinite().all())
        )
        if not fits:
            raise InvalidRecipe(f"The LoRA {name} does not fit this model at {layer[:60]}.")
        assert down is not None
        assert up is not None
        found[layer] = Adapter(down, up, (alpha or down.shape[0]) / down.shape[0])
    if not found:
        raise InvalidRecipe(f"The LoRA {name} is empty.")
    return found


def linear_layers(model: Any) -> dict[str, torch.nn.Linear]:
    """Return the linear layers of a model by their names, those inside of a cache by the cache's."""
    return {
        name.removesuffix(".layer"): module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
    }


@contextmanager
def applied(model: Any, adapters: dict[str, Adapter], scale: float) -> Iterator[None]:
    """Add a LoRA to a model's layers, times a scale, for the block."""
    layers = linear_layers(model)
    hooks = [layers[name].register_forward_hook(_hook(one, scale)) for name, one in adapters.items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _hook(adapter: Adapter, scale: float) -> Any:
    def add(module: torch.nn.Module, given: tuple[torch.Tensor], out: torch.Tensor) -> torch.Tensor:
        x = given[0]
        down, up = (part.to(x.device, x.dtype) for part in (adapter.down, adapter.up))
        return out + scale * adapter.scale * (x @ down.T @ up.T)

    return add


def _alpha(file: Path) -> float | None:
    """Return α of a LoRA: in adapter_config.json or the file's metadata; None for α = r."""
    config: Any = None
    beside = file.with_name(loras.CONFIG)
    try:
        if file.name in loras.WEIGHTS and beside.is_file() and beside.stat().st_size < 1_000_000:
            config = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    alpha = config.get("lora_alpha") if isinstance(config, dict) else None
    return float(alpha) if isinstance(alpha, int | float) and 0 < alpha <= 10_000 else None
