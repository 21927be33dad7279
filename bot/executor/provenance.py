"""What a worker says of itself with each clip: the packages that it runs, and the memory that it holds."""

from __future__ import annotations

import contextlib
import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from bot.memory import peak_resident_bytes, resident_bytes


def memory(device: str, models: int) -> dict[str, int | None]:
    """Return the memory of this process in bytes: now, at most, and at most on its GPU.

    models: how many it has loaded, all of which the figures count.
    """
    gpu_peak = None
    if device.startswith("cuda"):
        from bot.engines.accelerator import peak_bytes

        gpu_peak = peak_bytes(device)
    return {
        "resident_bytes": resident_bytes(os.getpid()),
        "peak_bytes": peak_resident_bytes(os.getpid()),
        "gpu_peak_bytes": gpu_peak,
        "models": models,
    }


@cache
def versions() -> dict[str, str]:
    """Return the versions of the installed packages that influence the audio."""
    found = {"python": platform.python_version()}
    for package in ("antiphon", "torch", "transformers", "diffusers", "audiocraft", "numpy", "scipy"):
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
