"""Peak memory by the length of a clip: `python -m benchmarks.memory [--seconds 30 60 120 300]`.

Each clip is `antiphon generate` with a built-in model, as a process of its own, down to the finished MP3.
Printed is the memory of the largest process at its peak, the worker, and what a minute more adds to it.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.start import start
from bot.machine import processor
from bot.recipe import Mode


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, nargs="+", default=[30, 60, 120, 300])
    lengths = sorted(parser.parse_args().seconds)
    print(f"{processor()}\n\n| mode | {' | '.join(f'{one:g} s' for one in lengths)} | a minute |")
    print(f"|---|{'---|' * len(lengths)}---|")
    with tempfile.TemporaryDirectory() as folder:
        for mode in Mode:
            peaks = [start(mode, seconds, Path(folder))[2] for seconds in lengths]
            growth = 60 * (peaks[-1] - peaks[0]) / (lengths[-1] - lengths[0])
            print(f"| {mode} | {' | '.join(f'{peak:.0f} MB' for peak in peaks)} | {growth:+.0f} MB |")


if __name__ == "__main__":
    main()
