"""Run chaos by hand: `python -m tests.chaos --seed 1 --kills 200`. Exit code 1 where something was wrong."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
import tempfile
from pathlib import Path

from tests.chaos.nodes import ChaosCluster
from tests.chaos.run import Report, run
from tests.chaos.windows import CLUSTER_WINDOWS, WINDOWS


async def _run(folder: Path, args: argparse.Namespace) -> Report:
    async with contextlib.AsyncExitStack() as stack:
        cluster = None
        if args.ray:
            cluster = await stack.enter_async_context(ChaosCluster.started(folder, args.workers))
        return await run(
            folder,
            args.seed,
            args.kills,
            (*WINDOWS, *CLUSTER_WINDOWS) if args.ray else WINDOWS,
            incidents_every=args.incidents_every,
            more_kills=args.more_kills,
            workers=args.workers,
            cluster=cluster,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2, help="worker processes of the bot")
    parser.add_argument("--ray", action="store_true", help="workers on the nodes of a Ray cluster")
    parser.add_argument("--incidents-every", type=int, default=1, help="in how many rounds there is one")
    parser.add_argument("--more-kills", type=int, default=0, help="further kills in a recovery, at most")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(_run(Path(folder), args))
    print(report)
    sys.exit(bool(report.violations))


if __name__ == "__main__":
    main()
