"""Selection of the accelerator, and its free memory."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import torch


def free_bytes(device: str) -> int | None:
    """Return the free bytes of a device, torch's cache included; None where unknown."""
    if device.startswith("cuda"):
        free, _ = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return free + cached
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as file:
            found = next(line.split() for line in file if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return None
    return 1024 * int(found[1])


def peak_bytes(device: str) -> int:
    """Return the most bytes that torch has had reserved on a CUDA device since the process began."""
    return int(torch.cuda.max_memory_reserved(device))


def has_bfloat16(device: str) -> bool:
    """Tell whether a device supports bfloat16 natively, without emulation.

    A processor without AVX-512 BF16 multiplies it far slower than float32.
    """
    if device == "cpu":
        cpu: Any = torch.cpu
        return bool(cpu._is_avx512_bf16_supported())
    return not device.startswith("cuda") or torch.cuda.is_bf16_supported(including_emulation=False)


def resolved(device: str) -> str:
    """Return the device to run on: `device`, and for "auto" the first CUDA or Apple GPU, else the CPU.

    The only place that decides it: `antiphon doctor` calls it too.
    """
    if device != "auto":
        return device
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def release() -> None:
    """Release torch's cached memory to the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
