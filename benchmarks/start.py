"""From nothing to an MP3: `python -m benchmarks.start [--runs 3] [--seconds 10]`.

Each run is `antiphon generate` with a built-in model, as a process of its own; the modes take turns. Printed
is the least of the runs: seconds by the clock, seconds of processor time (command line, worker and encoder
together), which other work on the machine changes less, and the memory of the largest process at its peak.
The files are in the system's cache by then: the first start after booting waits for the disk as well.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bot.recipe import Mode

PROMPT = "slow piano in the rain"


def start(mode: Mode, seconds: float, folder: Path) -> tuple[float, float, float]:
    """Make one clip; return seconds by the clock, processor seconds, and megabytes at the peak."""
    words = ["generate", PROMPT, "--mode", mode.value, "--seconds", f"{seconds:g}", "--seed", "1"]
    command = [sys.executable, "-m", "bot", *words, "--json", "-o", str(folder / "clip.mp3")]
    own = {"AR_MODEL": "antiphon-tiny-ar", "DIFFUSION_MODEL": "antiphon-tiny-diffusion", "DEVICE": "cpu"}
    own["MAX_SECONDS"] = f"{max(60, seconds):g}"
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | own) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    took = time.perf_counter() - begun
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return took, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()
    best: dict[Mode, tuple[float, ...]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(arguments.runs):
            for mode in Mode:
                run = start(mode, arguments.seconds, Path(folder))
                best[mode] = tuple(map(min, best.get(mode, run), run))
    print("| mode | from nothing to the MP3, s | processor time, s | peak memory |\n|---|---|---|---|")
    for mode, (took, worked, peak) in best.items():
        print(f"| {mode} | {took:.1f} | {worked:.1f} | {peak:.0f} MB |")


if __name__ == "__main__":
    main()
