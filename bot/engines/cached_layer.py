"""Caches for layers whose input is the same at every denoising step.

A prompt's text states do not change while a clip is denoised, so neither do the cross-attention keys and
values projected from them; diffusers projects them again at every step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


class CachedLayer(torch.nn.Module):
    """A layer that computes once and returns the same output until `cached` is reset to None."""

    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.cached: torch.Tensor | None = None
        self.bypassed = False

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the layer's output for the first input since the reset; later inputs are not looked at.

        Bypassed, it computes anew every time.
        """
        if self.bypassed:
            return torch.as_tensor(self.layer(states))
        if self.cached is None:
            self.cached = self.layer(states)
        return self.cached


def cache_cross_attention(model: Any, *others: str) -> list[CachedLayer]:
    """Wrap the cross-attention key and value projections of a denoiser, and other layers of it by name."""
    caches = []
    for module in list(model.modules()):
        if getattr(module, "is_cross_attention", False):
            for name in ("to_k", "to_v"):
                setattr(module, name, CachedLayer(getattr(module, name)))
                caches.append(getattr(module, name))
    for name in others:
        setattr(model, name, CachedLayer(getattr(model, name)))
        caches.append(getattr(model, name))
    return caches


@contextmanager
def fresh_caches(layers: list[CachedLayer], *, bypassed: bool = False) -> Iterator[None]:
    """Reset the caches before and after one clip is denoised, however that ends.

    bypassed: for a clip whose every step has several conditions.
    """
    for layer in layers:
        layer.cached, layer.bypassed = None, bypassed
    try:
        yield
    finally:
        for layer in layers:
            layer.cached = None
