"""Precisions, and the linear layer of the GPU."""

from __future__ import annotations

from typing import Literal, Protocol

import torch

Precision = Literal["fp32", "fp16", "bf16", "int8", "int4"]
DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
"""Dtypes of weights that are stored as they are."""
QUANTIZED: tuple[Precision, ...] = ("int8", "int4")
"""On a CPU alone, and refused where they were not measured (quantization_check.py)."""


class Linear(Protocol):
    """A linear layer without bias: x [rows, in] → [rows, out]."""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply."""


class TorchLinear:
    """torch's linear layer, in the weight's dtype."""

    def __init__(self, weight: torch.Tensor) -> None:
        self._weight = weight

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Multiply."""
        return torch.nn.functional.linear(x, self._weight)


def precisions_on(device: str) -> tuple[Precision, ...]:
    """Return the precisions that a device supports, the most exact first."""
    return ("fp32", "fp16", "bf16", *QUANTIZED) if on_cpu(device) else ("fp32", "fp16", "bf16")


def is_quantized(precision: Precision) -> bool:
    """Whether weights are integers with scales."""
    return precision in QUANTIZED


def dtype_on(device: str, precision: Precision) -> torch.dtype:
    """Return the dtype of activations: fp32 on a CPU, the weights' on a GPU.

    Raises ValueError for a precision that this device has not.
    """
    if precision not in precisions_on(device):
        raise ValueError(f"{precision} is not for {device}; {', '.join(precisions_on(device))} are")
    return torch.float32 if on_cpu(device) else DTYPES[precision]


def on_cpu(device: str) -> bool:
    """Whether a device is the CPU."""
    return torch.device(device).type == "cpu"
