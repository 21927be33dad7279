"""Classification of exceptions as out of memory or device fault, in every spelling that libraries have.

A smaller job recovers from the first, a new process from the second, and neither is a damaged file.
torch, CUDA, HIP, Metal, oneDNN, Rust and the operating systems each say so in their own way, often as a plain
RuntimeError, so classes, numbers and texts all count. Nothing here imports torch.
"""

from __future__ import annotations

import errno
import re

from bot.errors import AntiphonError, OutOfMemory

_MEMORY_CLASSES = {"OutOfMemoryError"}
"""torch.OutOfMemoryError, which is torch.cuda.OutOfMemoryError too, by name."""
_MEMORY_WINERRORS = {8, 14, 1455}
"""ERROR_NOT_ENOUGH_MEMORY, ERROR_OUTOFMEMORY, ERROR_COMMITMENT_LIMIT (“The paging file is too small”)."""
_MEMORY_TEXTS = re.compile(
    r"""
    out\ of\ memory                        # CUDA, HIP, XPU, “MPS backend”, “CUDA error”
    | not\ enough\ memory                  # torch's CPU allocator, Windows
    | can(?:'t|not)\ allocate\ memory      # torch's CPU allocator on Linux; strerror(ENOMEM)
    | failed\ to\ allocate\ memory
    | DefaultCPUAllocator
    | (?:CUBLAS|CUDNN|CUSPARSE|CUSOLVER|CUFFT|HIPBLAS|HIPSPARSE|ROCBLAS)_(?:STATUS_)?ALLOC_FAILED
    | miopenStatusAllocFailed
    | (?:cuda|hip)Error(?:MemoryAllocation|OutOfMemory)
    | std::bad_alloc | bad\ allocation     # C++, and Microsoft's word for it
    | could\ not\ create\ a\ primitive(?!\ desc)    # oneDNN; “primitive descriptor” is an unsupported shape
    | unable\ to\ mmap(?!.*\((?!12\))\d+\)\s*$)       # torch.load, safetensors; with a number only ENOMEM's
    | paging\ file\ is\ too\ small
    | not\ enough\ storage\ is\ available
    | os\ error\ (?:12|1455)\b             # Rust: safetensors, tokenizers
    | code:\ (?:12|1455)\b.*kind:\ OutOfMemory
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_FAULT_CLASSES = {"AcceleratorError"}
_FAULT_TEXTS = re.compile(
    r"""
    device-side\ assert
    | (?:CUBLAS|CUDNN|CUSPARSE|CUSOLVER|HIPBLAS|ROCBLAS)_STATUS_
      (?:EXECUTION_FAILED|INTERNAL_ERROR|MAPPING_ERROR|NOT_INITIALIZED)
    | CUFFT_(?:EXEC_FAILED|INTERNAL_ERROR)
    | miopenStatus(?:InternalError|UnknownError)
    | unspecified\ launch\ failure | launch\ timed\ out
    | illegal\ (?:memory\ access|address|instruction)
    | misaligned\ address | invalid\ program\ counter | invalid\ address\ space
    | hardware\ stack\ error | uncorrectable\ ECC
    | (?:cuda|hip)Error(?:Assert|IllegalAddress|IllegalState|LaunchFailure|LaunchTimeOut|EccUncorrectable)
    | HSA_STATUS_ERROR | DEVICE_LOST
    | command\ buffer\ exited\ with\ error   # Metal
    """,
    re.IGNORECASE | re.VERBOSE,
)
_NO_DEVICE = re.compile(
    "no kernel image|invalid device|no (?:CUDA|ROCm|HIP)-capable device|driver version is insufficient",
    re.IGNORECASE,
)
"""Faults that a new process does not cure: no such device, or none that this build of torch supports."""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether the accelerator's or the machine's memory was too small."""
    if isinstance(error, AntiphonError):
        return isinstance(error, OutOfMemory)
    if isinstance(error, MemoryError) or _MEMORY_CLASSES & _classes(error):
        return True
    if isinstance(error, OSError):
        # Never the text alone: it may hold a file's name.
        if error.errno == errno.ENOMEM or getattr(error, "winerror", None) in _MEMORY_WINERRORS:
            return True
        return error.errno is None and _MEMORY_TEXTS.search(str(error)) is not None
    return _MEMORY_TEXTS.search(str(error)) is not None


def is_device_fault(error: BaseException) -> bool:
    """Tell whether the accelerator is in a state from which only a new process recovers.

    CUDA reports an illegal access or a failed assertion at every later call in the same process.
    """
    if isinstance(error, AntiphonError | OSError) or is_out_of_memory(error):
        return False
    text = str(error)
    if _NO_DEVICE.search(text):
        return False
    return bool(_FAULT_CLASSES & _classes(error)) or _FAULT_TEXTS.search(text) is not None


def _classes(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}
