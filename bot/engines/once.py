"""Layers whose input is the same at every denoising step, computed once a clip instead of once a step.

A prompt's states do not change while a clip is denoised, so neither do the keys and values that
cross-attention makes of them; diffusers computes them anew at every step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


class Once(torch.nn.Module):
    """A layer that answers with what it gave first, until it is made fresh."""

    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.kept: torch.Tensor | None = None

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the layer's answer to the first states since it was fresh."""
        if self.kept is None:
            self.kept = self.layer(states)
        return self.kept


def keep_cross_attention(model: Any, *others: str) -> list[Once]:
    """Let a denoiser's cross-attention, and these other layers of it, compute once a clip; return them."""
    kept = []
    for module in list(model.modules()):
        if getattr(module, "is_cross_attention", False):
            for name in ("to_k", "to_v"):
                setattr(module, name, Once(getattr(module, name)))
                kept.append(getattr(module, name))
    for name in others:
        setattr(model, name, Once(getattr(model, name)))
        kept.append(getattr(model, name))
    return kept


@contextmanager
def one_clip(layers: list[Once]) -> Iterator[None]:
    """Begin and end with every layer fresh: what is inside denoises one clip."""
    for layer in layers:
        layer.kept = None
    try:
        yield
    finally:
        for layer in layers:
            layer.kept = None
