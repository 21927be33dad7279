"""What the benchmarks' command lines share."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np


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


def print_table(
    heads: Sequence[str],
    names: Sequence[str],
    rows: Iterable[tuple[Sequence[object], Sequence[Sequence[Any]]]],
) -> None:
    """Print a table in Markdown, with the mean and its 95 % interval of each measure.

    names: attributes of the results.  rows: what stands under the heads, and the row's results in groups.
    """
    print(f"| {' | '.join((*heads, *names))} |\n|{'---|' * (len(heads) + len(names))}")
    for row, groups in rows:
        cells = [str(one) for one in row]
        for name in names:
            mean, low, high = _interval([[getattr(one, name) for one in group] for group in groups])
            cells.append(f"{mean:.2f} ({low:.2f}–{high:.2f})")
        print(f"| {' | '.join(cells)} |")


def _interval(values: Sequence[Sequence[float]], samples: int = 2_000) -> tuple[float, float, float]:
    """Return the mean of values in groups and its 95 % interval, low and high.

    Values of one group (clips of one prompt) depend on each other, so whole groups are drawn with
    replacement: the percentile bootstrap (Efron and Tibshirani 1993, chapters 8 and 13).
    """
    groups = [np.asarray(group, float) for group in values if len(group)]
    sums, counts = np.array([g.sum() for g in groups]), np.array([g.size for g in groups])
    drawn = np.random.default_rng(1).integers(0, len(groups), (samples, len(groups)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(sums.sum() / counts.sum()), float(low), float(high)
