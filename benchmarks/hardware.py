"""Memory and time of models on this machine: `python -m benchmarks.hardware [MODEL …] [--seconds 10 30 60]`.

Without a name, the built-in models. Prints a row of docs/hardware.md for each model and length: seconds to
render (best of two warm runs, mastering left out), how many times faster than the music plays, and the peak
of memory: the GPU's where there is one, else the process's.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time

from bot.config import BUILTIN_AR, BUILTIN_DIFFUSION
from bot.machine import processor

PROMPT = "slow piano in the rain"


def machine() -> str:
    """Name the GPU, or the processor."""
    import torch

    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"{processor()}, {torch.get_num_threads()} threads"


def measure(mode: str, model: str, lengths: list[float]) -> None:
    """Print a model's rows; in a process of its own, so that memory is the model's."""
    import torch

    from bot.engines import registry
    from bot.recipe import Mode, Recipe
    from tests.engines.context import RecordingContext

    engine = registry.load(Mode(mode), model, "auto", "auto")
    takes = engine.capabilities
    for seconds in lengths:
        if not takes.min_seconds <= seconds <= takes.max_seconds:
            print(f"| {model} | {machine()} | {seconds:g} | not made by this model | | |", flush=True)
            continue
        recipe = Recipe(prompt=PROMPT, mode=Mode(mode), model=model, seconds=seconds, seed=1)
        times = []
        for _ in range(3):
            start = time.perf_counter()
            engine.run(RecordingContext(recipe))
            times.append(time.perf_counter() - start)
        best = min(times[1:])
        if torch.cuda.is_available():
            peak = torch.cuda.max_memory_allocated() / 1e9
            torch.cuda.reset_peak_memory_stats()
        else:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        print(
            f"| {model} | {machine()} | {seconds:g} | {best:.2f} | {seconds / best:.1f}× | {peak:.1f} GB |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="*", default=[BUILTIN_AR, BUILTIN_DIFFUSION])
    parser.add_argument("--seconds", type=float, nargs="+", default=[10, 30, 60])
    parser.add_argument("--mode", help="measure one model of this mode, here")
    arguments = parser.parse_args()
    if arguments.mode:
        measure(arguments.mode, arguments.models[0], arguments.seconds)
        return
    from bot.engines import registry
    from bot.errors import ModelMissing
    from bot.recipe import Mode

    print("| model | on | seconds | rendered in, s | faster than it plays | peak memory |")
    print("|---|---|---|---|---|---|", flush=True)
    for model in arguments.models:
        for mode in Mode:
            try:
                registry.describe(mode, model)
            except ModelMissing:
                continue
            lengths = [f"{seconds:g}" for seconds in arguments.seconds]
            command = [
                sys.executable,
                "-m",
                "benchmarks.hardware",
                model,
                "--mode",
                mode,
                "--seconds",
                *lengths,
            ]
            subprocess.run(command, check=True, env=os.environ | {"PYTHONWARNINGS": "ignore"})


if __name__ == "__main__":
    main()
