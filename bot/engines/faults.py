"""What an exception from an accelerator means for the process it happened in."""

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


def release() -> None:
    """Give cached accelerator memory back to the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
