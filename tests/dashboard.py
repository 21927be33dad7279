"""Draw the panels of docs/grafana.json from the metrics of a real run, with matplotlib in place of Grafana.

    python -m tests.dashboard docs/dashboard.png [--minutes 5]

Runs the sandbox and the bot with the built-in models on two workers. Members ask for clips of both models,
Discord refuses and fails some requests, a worker is killed. The bot's /metrics is scraped every two seconds,
and each panel's PromQL is evaluated over these samples (tests/promql.py).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from prometheus_client.parser import text_string_to_metric_families

from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.server import Sandbox
from tests.e2e.bot_process import BotProcess
from tests.e2e.test_metrics import free_port
from tests.program import ENGINES
from tests.promql import Labels, evaluate

ROOT = Path(__file__).parents[1]
SCRAPE_SECONDS = 2.0
PROMPTS = ("slow piano in the rain", "fast techno", "a calm guitar", "jazz trio at night", "epic strings")
Samples = dict[str, dict[Labels, list[tuple[float, float]]]]


async def record(minutes: float) -> Samples:
    """Return the samples of a run by name and labels."""
    port = free_port()
    samples: Samples = {}
    with tempfile.TemporaryDirectory() as folder:
        async with (
            Sandbox(clock=Clock(), limits=Limits.none()) as sandbox,
            BotProcess(
                sandbox,
                Path(folder),
                **{ENGINES: "bot.engines.registry", "DEVICES": "cpu,cpu", "METRICS_PORT": str(port)},
            ) as bot,
        ):
            members = [sandbox.member(name) for name in ("alice", "bob", "carol")]
            await sandbox.until(lambda: "music" in members[0].commands(), 120, "the commands")
            scraping = asyncio.create_task(_scrape(port, samples))
            try:
                await _use(sandbox, bot, members, minutes)
            finally:
                scraping.cancel()
                await asyncio.gather(scraping, return_exceptions=True)
    return samples


async def _scrape(port: int, samples: Samples) -> None:
    async with aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
                    text, now = await response.text(), time.time()
                for family in text_string_to_metric_families(text):
                    for sample in family.samples:
                        series = samples.setdefault(sample.name, {})
                        series.setdefault(tuple(sorted(sample.labels.items())), []).append(
                            (now, sample.value)
                        )
            await asyncio.sleep(SCRAPE_SECONDS)


async def _use(sandbox: Sandbox, bot: BotProcess, members: list[Any], minutes: float) -> None:
    """Ask for clips until the time is over, in waves, with faults of Discord and a worker's death."""
    rng = random.Random(1)
    end = time.monotonic() + 60 * minutes
    killed = False
    while time.monotonic() < end:
        for _ in range(rng.randint(1, 5)):
            options = {
                "prompt": rng.choice(PROMPTS),
                "seconds": rng.choice([5, 10, 20]),
                "mode": rng.choice(["ar", "diffusion"]),
            }
            await rng.choice(members).slash("music", options, wait=False)
        edit = "update_original_webhook_message"
        match rng.randrange(3):
            case 0:
                sandbox.faults.fail(code=50013, operation=edit)
            case 1:
                sandbox.faults.fail(502, operation=edit)
            case _:
                sandbox.faults.rate_limit(0.5, operation=edit)
        if not killed and time.monotonic() > end - 30 * minutes:
            killed = True
            with contextlib.suppress(StopIteration, ProcessLookupError):
                os.kill(bot.worker_pid(), signal.SIGKILL)
        await asyncio.sleep(rng.uniform(5, 20))


def draw(samples: Samples, path: Path) -> None:
    """Write the dashboard's panels over the time of the samples as a PNG."""
    panels = json.loads((ROOT / "docs/grafana.json").read_text(encoding="utf-8"))["panels"]
    times = [when for when, _ in next(iter(samples["antiphon_gateway_latency_seconds"].values()))]
    matplotlib.rcParams.update({"font.size": 8, "axes.titlesize": 9, "axes.titleweight": "bold"})
    rows = -(-len(panels) // 2)
    figure = Figure(figsize=(12, 2.2 * rows + 0.6), dpi=110, layout="constrained")
    figure.suptitle(
        "The panels of docs/grafana.json, drawn by tests/dashboard.py from the metrics of a real run "
        f"of {(times[-1] - times[0]) / 60:.0f} minutes (not by Grafana)",
        fontsize=10,
    )
    for number, panel in enumerate(panels):
        axes = figure.add_subplot(rows, 2, number + 1)
        axes.set_title(panel["title"], loc="left")
        lines: dict[str, list[tuple[float, float]]] = {}
        for target in panel["targets"]:
            for when in times:
                for labels, value in evaluate(target["expr"], samples, when).items():
                    name = _legend(target["legendFormat"], dict(labels))
                    lines.setdefault(name, []).append(((when - times[0]) / 60, value))
        for name, points in sorted(lines.items()):
            axes.plot(*zip(*points, strict=True), label=name, linewidth=1.2)
        unit = panel["fieldConfig"]["defaults"].get("unit", "short")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _, unit=unit: _in_unit(value, unit)))
        axes.set_xlim(0, (times[-1] - times[0]) / 60)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.25)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} min"))
        if lines:
            axes.legend(loc="upper left", fontsize=6.5, framealpha=0.7, ncols=2)
    figure.savefig(path)


def _legend(text: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), text)


def _in_unit(value: float, unit: str) -> str:
    if unit == "bytes":
        return f"{value / 2**20:.0f} MiB"
    return f"{value:.3g} s" if unit == "s" else f"{value:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--minutes", type=float, default=5)
    args = parser.parse_args()
    draw(asyncio.run(record(args.minutes)), args.path)


if __name__ == "__main__":
    main()
