"""Linear layers on a CPU, by oneDNN with the weights in its own order.

torch multiplies fp32 by MKL, which uses half of an AMD processor's vectors: 100 GFLOP/s a core of Zen 5
where oneDNN makes 230. The sums are of the same precision, in another order.

In bfloat16 the weights and a layer's input and output are rounded, and nothing else is: products are added
up in fp32, and what is between the layers (the residual stream, norms, attention, the solver) stays fp32. A
whole network in bfloat16 is no faster, and a step of ACE-Step is then off by six times as much.
"""

from __future__ import annotations

import platform
from collections import Counter
from typing import Any

import torch
from torch import nn

SMALLEST = 65_536
"""Weights from which on a layer is packed: less is too little to gain by it."""
SMALLEST_NARROW = 262_144
"""Weights from which on a layer multiplies in bfloat16.

Below are the layers that latents come in and go out by, 64 values wide: they cost nothing, and are two thirds
of what a step of Stable Audio is off by when they are rounded.
"""


def can_pack() -> bool:
    """Tell whether layers are packed here: not without oneDNN, and on no other processor than an x86."""
    onednn: Any = torch.backends.mkldnn
    return bool(onednn.is_available()) and platform.machine() in ("x86_64", "AMD64")


def pack_linears(model: nn.Module, dtype: torch.dtype = torch.float32) -> int:
    """Replace the products of a model's linear layers, and return how many; 0 where `can_pack` is false.

    dtype: float32 or bfloat16, of the products; the layers take and give float32 either way. Weights of
    float32 are packed, and for bfloat16 those stored in it as well.  A packed layer keeps the shape of its
    weight, but not the values.
    """
    if not can_pack():
        return 0
    found = [
        module
        for module in model.modules()
        if type(module) is nn.Linear
        and module.weight.dtype in (torch.float32, dtype)
        and module.weight.device.type == "cpu"
        and module.weight.numel() >= SMALLEST
    ]
    users = Counter(id(module.weight) for module in found)
    own = [module for module in found if users[id(module.weight)] == 1]
    for module in own:
        _pack(module, dtype if module.weight.numel() >= SMALLEST_NARROW else torch.float32)
    return len(own)


def _pack(module: nn.Linear, dtype: torch.dtype) -> None:
    weight = module.weight.detach().to(dtype)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous())
    bias = None if module.bias is None else module.bias.detach().float()

    def forward(x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x.contiguous(), packed, bias, "none", [], "")
        return out

    def forward_in_bfloat16(x: torch.Tensor) -> torch.Tensor:
        x = x.to(dtype).contiguous()
        out: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, packed, None, "none", [], "").float()
        return out if bias is None else out.add_(bias)

    module.forward = forward if dtype is torch.float32 else forward_in_bfloat16  # type: ignore[method-assign, assignment]
    # float32 whatever is packed: T5 gives a layer what its weight's dtype says.
    module.weight = nn.Parameter(torch.zeros(1, 1).expand(weight.shape), requires_grad=False)
    if module.bias is not None:
        module.bias = nn.Parameter(bias, requires_grad=False)
