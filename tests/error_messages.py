"""Error messages of full memory and broken devices by library, quoted from public bug reports."""

from __future__ import annotations

import errno
from collections.abc import Callable

ERROR_NO_SYSTEM_RESOURCES = 1450


class OutOfMemoryError(RuntimeError):
    """Named as torch's."""


class AcceleratorError(RuntimeError):
    """Named as torch's."""


class WindowsOSError(OSError):
    """What Windows raises; elsewhere Python gives no OSError a winerror."""

    def __init__(self, winerror: int, text: str, code: int = errno.EINVAL) -> None:
        super().__init__(code, text)
        self.winerror = winerror


def _runtime(text: str) -> Callable[[], Exception]:
    return lambda: RuntimeError(text)


OUT_OF_MEMORY: dict[str, Callable[[], Exception]] = {
    "python": MemoryError,
    "numpy": lambda: MemoryError("Unable to allocate 7.45 GiB for an array with shape (1000000000,)"),
    "torch": lambda: OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    "cuda-plain": _runtime("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
    "cuda-accelerator": lambda: AcceleratorError("CUDA error: out of memory"),
    "hip": _runtime("HIP out of memory. Tried to allocate 20.00 MiB (GPU 0; 23.98 GiB total capacity)"),
    "hip-plain": lambda: AcceleratorError("HIP error: out of memory"),
    "linux": _runtime(
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: "
        "you tried to allocate 8000000000 bytes. Error code 12 (Cannot allocate memory)"
    ),
    "windows": _runtime(
        "[enforce fail at alloc_cpu.cpp:114] data. DefaultCPUAllocator: not enough memory: you tried to "
        "allocate 4194304 bytes."
    ),
    "cublas": _runtime("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    "cudnn": _runtime("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    "hipblas": _runtime("CUDA error: HIPBLAS_STATUS_ALLOC_FAILED when calling `hipblasCreate(handle)`"),
    "mps": _runtime("MPS backend out of memory (MPS allocated: 17.99 GB, other allocations: 150 MB)"),
    "bad-alloc": _runtime("std::bad_alloc"),
    "bad-allocation": _runtime("bad allocation"),
    "onednn": _runtime("could not create a primitive"),
    "mmap": _runtime(
        "unable to mmap 540000000 bytes from file <model.safetensors>: Cannot allocate memory (12)"
    ),
    "mmap-short": _runtime("unable to mmap"),
    "rust-1455": lambda: RuntimeError(
        "Error while deserializing: the paging file is too small for this operation to end. (os error 1455)"
    ),
    "rust-12": _runtime("I/O error: Cannot allocate memory (os error 12)"),
    "winerror-1455": lambda: WindowsOSError(
        1455, "The paging file is too small for this operation to complete"
    ),
    "winerror-8": lambda: WindowsOSError(8, "Not enough memory resources are available"),
    "winerror-14": lambda: WindowsOSError(14, "Not enough storage is available to complete this operation"),
    "enomem": lambda: OSError(errno.ENOMEM, "Cannot allocate memory"),
}
"""Short name → maker of the exception."""

DEVICE_FAULTS: dict[str, Callable[[], Exception]] = {
    "accelerator": lambda: AcceleratorError("CUDA error: an illegal memory access was encountered"),
    "assert": _runtime("CUDA error: device-side assert triggered"),
    "cublas": _runtime("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(handle)`"),
    "cublas-init": _runtime("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
    "cudnn": _runtime("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    "cudnn-internal": _runtime("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"),
    "cufft": _runtime("cuFFT error: CUFFT_EXEC_FAILED"),
    "launch": _runtime("CUDA error: unspecified launch failure"),
    "address": _runtime("CUDA error: misaligned address"),
    "instruction": _runtime("CUDA error: an illegal instruction was encountered"),
    "ecc": _runtime("CUDA error: uncorrectable ECC error encountered"),
    "timeout": _runtime("CUDA error: the launch timed out and was terminated"),
    "hip-assert": _runtime("HIP error: device-side assert triggered"),
    "hip-address": lambda: AcceleratorError("HIP error: an illegal memory access was encountered"),
    "hip-launch": _runtime("hipErrorLaunchFailure: unspecified launch failure"),
    "hipblas": _runtime("CUDA error: HIPBLAS_STATUS_EXECUTION_FAILED when calling `hipblasSgemm`"),
    "miopen": _runtime("miopenStatusUnknownError"),
    "metal": _runtime("MPS: command buffer exited with error status."),
}

HARMLESS: dict[str, Callable[[], Exception]] = {
    "value": lambda: ValueError("a broken engine"),
    "shape": _runtime("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
    "descriptor": _runtime("could not create a primitive descriptor for a convolution forward propagation"),
    "mmap-other": _runtime("unable to mmap 12 bytes from file <x>: No such device (19)"),
    "missing": lambda: FileNotFoundError(errno.ENOENT, "No such file", "out of memory.safetensors"),
    "denied": lambda: WindowsOSError(5, "Access is denied", errno.EACCES),
    "resources": lambda: WindowsOSError(ERROR_NO_SYSTEM_RESOURCES, "Insufficient system resources"),
    "kernel-image": lambda: AcceleratorError("CUDA error: no kernel image is available for execution"),
    "ordinal": lambda: AcceleratorError("CUDA error: invalid device ordinal"),
    "no-driver": _runtime("Found no NVIDIA driver on your system."),
}
