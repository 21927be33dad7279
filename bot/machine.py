"""The processor of this machine, and its accelerators, probed in a child process."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SMALL_GB = 6.0
"""Gigabytes of GPU memory below which `antiphon doctor` proposes small models by name."""


class TorchUnavailable(Exception):
    """torch cannot be imported or fails; the text is its last line of output."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The compute devices. The fields are those of bot.engines.probe.

    gpus: name and memory in gigabytes of each.  auto: the device that DEVICE=auto selects.
    bfloat16: whether the GPU computes in it.
    """

    torch: str
    gpus: tuple[tuple[str, float], ...]
    mps: bool
    auto: str
    threads: int
    bfloat16: bool

    @property
    def gpu_gb(self) -> float:
        """Memory of the first GPU, 0 without one."""
        return self.gpus[0][1] if self.gpus else 0.0

    @property
    def described(self) -> str:
        """The machine in a few words."""
        cards = ", ".join(f"{name} ({gb:g} GB)" for name, gb in self.gpus)
        return f"torch {self.torch}, " + (
            cards or ("Apple GPU" if self.mps else f"CPU, {self.threads} threads")
        )


def probe() -> Machine:
    """Ask torch in a child process: it is slow to import, and a broken driver can end the process.

    Raises TorchUnavailable.
    """
    asked = subprocess.run(
        [sys.executable, "-m", "bot.engines.probe"], capture_output=True, text=True, check=False
    )
    if asked.returncode != 0:
        raise TorchUnavailable((asked.stderr.strip().splitlines() or ["it stopped unexpectedly"])[-1])
    found = json.loads(asked.stdout.splitlines()[-1])
    return Machine(**found | {"gpus": tuple((name, gb) for name, gb in found["gpus"])})


def processor() -> str:
    """Name this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def device_name() -> str:
    """Name the first GPU of this machine, or its processor."""
    try:
        if gpus := probe().gpus:
            return gpus[0][0]
    except TorchUnavailable:
        pass
    return processor()
