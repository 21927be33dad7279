"""The accelerator: which one there is, and what its exceptions mean for the process they happened in."""

from __future__ import annotations

import gc

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
