"""What this machine has to run models on, asked in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

from bot.hub.catalogue import Entry, entries
from bot.recipe import Mode

SMALL_GB = 6.0
"""Below so much graphics memory, small models are proposed by name."""

_PROBE = """
import json, torch
from bot.engines.accelerator import resolved
print(json.dumps({
    "torch": torch.__version__,
    "gpus": [
        [p.name, round(p.total_memory / 1e9, 1)]
        for p in map(torch.cuda.get_device_properties, range(torch.cuda.device_count()))
    ] if torch.cuda.is_available() else [],
    "mps": torch.backends.mps.is_available(),
    "auto": resolved("auto"),
    "threads": torch.get_num_threads(),
    "bfloat16": torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False),
}))
"""


class Broken(Exception):
    """torch does not work here; the text is its last word."""


@dataclass(frozen=True, slots=True)
class Machine:
    """torch's version, GPUs with their memory in gigabytes, and what else there is to compute with.

    auto: the device that DEVICE=auto runs on here, as the engines choose it.
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
    """Ask torch, in a child: it is slow to import and a broken driver can end the process. Raises Broken."""
    asked = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        raise Broken((asked.stderr.strip().splitlines() or ["it ended without a word"])[-1])
    seen = json.loads(asked.stdout.splitlines()[-1])
    return Machine(**seen | {"gpus": tuple((name, gb) for name, gb in seen["gpus"])})


def advised(mode: Mode, gpu_gb: float) -> Entry | None:
    """Return the model of a mode that is advised for so much graphics memory; None: the built-in one."""
    fitting = (e for e in entries() if e.mode is mode and not e.gated and e.fits(gpu_gb))
    return next(fitting, None)
