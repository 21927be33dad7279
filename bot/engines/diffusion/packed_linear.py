"""A denoiser's linear layers on a CPU, by oneDNN with the weights in its own order.

torch multiplies fp32 by MKL, which uses half of an AMD processor's vectors: 100 GFLOP/s a core of Zen 5
where oneDNN makes 230. The sums are of the same precision, in another order.
"""

from __future__ import annotations

import platform
from collections import Counter
from typing import Any

import torch
from torch import nn

SMALLEST = 65_536
"""Weights from which on a layer is packed: less is too little to gain by it."""


def pack_linears(model: nn.Module) -> int:
    """Replace the products of a model's fp32 linear layers, and return how many.

    A packed layer keeps the shape and the dtype of its weight, but not the values. Nothing is packed without
    oneDNN, or on another processor than an x86.
    """
    onednn: Any = torch.backends.mkldnn
    if not onednn.is_available() or platform.machine() not in ("x86_64", "AMD64"):
        return 0
    found = [
        module
        for module in model.modules()
        if type(module) is nn.Linear
        and module.weight.dtype is torch.float32
        and module.weight.device.type == "cpu"
        and module.weight.numel() >= SMALLEST
    ]
    users = Counter(id(module.weight) for module in found)
    own = [module for module in found if users[id(module.weight)] == 1]
    for module in own:
        _pack(module)
    return len(own)


def _pack(module: nn.Linear) -> None:
    weight = module.weight.detach()
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous())
    bias = None if module.bias is None else module.bias.detach()

    def forward(x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x.contiguous(), packed, bias, "none", [], "")
        return out

    module.forward = forward  # type: ignore[method-assign, assignment]
    module.weight = nn.Parameter(weight.new_zeros(1, 1).expand(weight.shape), requires_grad=False)
