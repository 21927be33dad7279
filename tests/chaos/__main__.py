"""Run chaos by hand: `python -m tests.chaos --seed 1 --kills 200`. Exit code 1 where something was wrong."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from pathlib import Path

from tests.chaos.run import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=200)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(run(Path(folder), args.seed, args.kills))
    print(report)
    sys.exit(bool(report.violations))


if __name__ == "__main__":
    main()
