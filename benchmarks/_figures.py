"""What the benchmarks' command lines share."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any


def tell(
    description: str | None, option: str, usual: int, measure: Callable[[int], Awaitable[Mapping[str, Any]]]
) -> None:
    """Measure with the number that `--option` gives; print the figures by name, or as JSON with --json."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(f"--{option}", dest="number", metavar="N", type=int, default=usual)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()

    async def run() -> Mapping[str, Any]:
        return await measure(arguments.number)

    figures = asyncio.run(run())
    if arguments.json:
        print(json.dumps(figures))
        return
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"{name:{width}}  {value}")
