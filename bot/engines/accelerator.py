"""The accelerator: which one there is, and what its exceptions mean for the process they happened in."""

from __future__ import annotations

import gc
from pathlib import Path

import torch


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether the accelerator's or the machine's memory was too small."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        # The CPU allocator raises a plain RuntimeError.
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def is_device_fault(error: BaseException) -> bool:
    """Tell whether the accelerator is in a state that only a new process mends.

    CUDA reports an illegal access or a failed assertion at every later call in the same process.
    """
    return isinstance(error, torch.AcceleratorError) and not is_out_of_memory(error)


def free_bytes(device: str) -> int | None:
    """Return how much memory is free on a device, cached blocks counted as free; None where nothing says."""
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


def has_bfloat16(device: str) -> bool:
    """Tell whether a device computes in bfloat16 by itself."""
    return not device.startswith("cuda") or torch.cuda.is_bf16_supported(including_emulation=False)


def resolved(device: str) -> str:
    """Return the device to run on: what was asked for, and for "auto" the first CUDA device, else the CPU."""
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def release() -> None:
    """Give cached accelerator memory back to the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
