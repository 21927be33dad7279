"""Matrix products by weights that are packed once: a back end for each precision and device."""

from __future__ import annotations

import warnings
from typing import Literal, Protocol

import torch

Precision = Literal["fp32", "fp16", "bf16", "int8"]


class Linear(Protocol):
    """x [rows, in] → [rows, out]; a row of the result depends on that row of x alone."""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply."""


class Plain:
    """torch's own product, in the weight's dtype; what a GPU does best."""

    def __init__(self, weight: torch.Tensor) -> None:
        self._weight = weight

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply."""
        return torch.nn.functional.linear(x, self._weight)


class Packed:
    """oneDNN's product by a weight in its blocked layout, fp32 or bf16; x and the result are fp32."""

    def __init__(self, weight: torch.Tensor, rows: int) -> None:
        self._dtype = weight.dtype
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), rows)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply."""
        out: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            x.to(self._dtype), self._weight, None, "none", [], ""
        )
        return out.float()


class Half:
    """fbgemm's product by a weight kept in fp16, computed and summed in fp32."""

    def __init__(self, weight: torch.Tensor) -> None:
        if not weight.half().isfinite().all():
            raise ValueError("a weight is beyond fp16's range of ±65,504")
        self._packed = torch.ops.quantized.linear_prepack_fp16(weight.float().contiguous(), None)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply."""
        out: torch.Tensor = torch.ops.quantized.linear_dynamic_fp16(x, self._packed)
        return out


class Int8:
    """fbgemm's product by an int8 weight with a scale for each output; x is quantised row by row.

    fbgemm takes one scale for all of x, from its extremes. So that no row's numbers depend on another's,
    each row is first divided by its own largest magnitude, and a last row of ±1 pins the scale.
    """

    def __init__(self, weight: torch.Tensor) -> None:
        weight = weight.float()
        scales = weight.abs().amax(1).clamp_min(1e-12).double() / 127
        zeros = torch.zeros(len(weight), dtype=torch.long)
        with warnings.catch_warnings():
            # Quantised tensors are to leave torch; fbgemm's packing takes nothing else yet.
            warnings.filterwarnings("ignore", "torch.quantize_per_tensor", UserWarning)
            quantised = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
            self._packed = torch.ops.quantized.linear_prepack(quantised, None)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply."""
        size = x.abs().amax(1, keepdim=True).clamp_min(1e-12)
        pinned = x.new_zeros(len(x) + 1, x.shape[1])
        torch.div(x, size, out=pinned[:-1])
        pinned[-1, 0], pinned[-1, 1] = 1, -1
        out: torch.Tensor = torch.ops.quantized.linear_dynamic(pinned, self._packed, True)
        return out[:-1] * size


SMALL = 200_000
"""Numbers in a matrix below which a packed product costs more than it saves, in fp32."""


def precisions_on(device: str) -> tuple[Precision, ...]:
    """Return what this device computes in, the most exact first.

    bf16 is left out on a CPU without instructions for it (AVX-512 or AVX-NE-CONVERT): oneDNN refuses it.
    """
    if torch.device(device).type != "cpu":
        return "fp32", "fp16", "bf16"
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return "fp32", "fp16", "bf16", "int8"
    return "fp32", "fp16", "int8"


def packed(weight: torch.Tensor, precision: Precision, device: str, rows: int) -> Linear:
    """Return the back end of a weight [out, in]; `rows` is how many rows x usually has.

    Raises ValueError where this device has none for the precision.
    """
    if precision not in precisions_on(device):
        raise ValueError(f"{precision} is not for {device} here; {', '.join(precisions_on(device))} are")
    if torch.device(device).type != "cpu":
        return Plain(weight.to(device, dtype_on(device, precision)))
    if precision == "int8":
        return Int8(weight)
    if precision == "fp16":
        return Half(weight)
    if precision == "fp32" and weight.numel() < SMALL:
        return Plain(weight.float().contiguous())
    return Packed(weight.to(torch.bfloat16 if precision == "bf16" else torch.float32), rows)


def dtype_on(device: str, precision: Precision) -> torch.dtype:
    """Return the dtype of activations and cache: fp32 on a CPU, the weights' on a GPU."""
    if torch.device(device).type == "cpu":
        return torch.float32
    return {"fp16": torch.float16, "bf16": torch.bfloat16}.get(precision, torch.float32)
