"""How many of the bot's own transactions SQLite takes in a second on this disk, and so how many clips a day.

    python -m benchmarks.writes [--clips 500] [--stored 100000] [--waiting 100] [--folder FOLDER]

The program's own statements, with its own settings: WAL, synchronous=FULL, so that every transaction waits
for the disk. A clip goes through five: queued, its answer's message, claimed, rendered (with the clip's row),
delivered. The database holds `stored` clips of before, and `waiting` jobs are in the queue all the time.
For comparison, a bare append of a page to a file of that folder with fdatasync.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks._stored_clips import CHANNEL, GUILD, MEMBERS, fill_clips
from benchmarks.store import sentence, vocabulary
from bot.jobs.files import clip_files
from bot.recipe import Mode, Recipe
from bot.store import migrations
from bot.store.clips import NewClip
from bot.store.database import Database
from bot.store.job_model import Delivery, Request
from bot.store.jobs import Jobs

NO_LIMITS = {"per_member": 10**6, "in_all": 10**6}
PAGE = 4096
FACTS = {
    "title": "a model",
    "licence": "MIT",
    "lufs": -14.0,
    "true_peak_db": -1.2,
    "bitrate_kbps": 320,
    "sample_rate": 48_000,
    "channels": 2,
    "render_seconds": 1.0,
    "real_time_factor": 0.1,
}


class Timed:
    """The seconds of each transaction by its name, by the clock and of this process's processor."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.processor: dict[str, list[float]] = defaultdict(list)

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Add the seconds of a block."""
        began, busy = time.perf_counter(), time.process_time()
        yield
        self.processor[name].append(time.process_time() - busy)
        self.seconds[name].append(time.perf_counter() - began)


def request(rng: random.Random, words: list[str]) -> Request:
    """Return a request of a random member."""
    prompt = sentence(rng, words, 8)
    return Request(
        recipe=Recipe(prompt=prompt, mode=Mode.AR, model="m", seconds=10, seed=rng.randint(0, 2**31)),
        user_id=rng.randint(1, MEMBERS),
        guild_id=GUILD,
        channel_id=CHANNEL,
        application_id=1,
        interaction_token="t" * 200,
        can_post=True,
        max_bytes=10**7,
    )


async def measure(path: Path, clips: int, waiting: int) -> Timed:
    """Return the times of the transactions of so many clips, one after the other."""
    rng, timed = random.Random(3), Timed()
    words = vocabulary(rng)
    async with Database.open(path, time.time()) as database:
        jobs = Jobs(database)
        for _ in range(waiting):
            await jobs.add(request(rng, words), time.time(), **NO_LIMITS)
        for number in range(clips):
            with timed("queued"):
                added = await jobs.add(request(rng, words), time.time(), **NO_LIMITS)
            with timed("its message known"):
                await jobs.answered(added.id, 10**18 + number)
            with timed("claimed"):
                claimed = await jobs.claim(time.time())
            assert claimed is not None
            file, picture = clip_files(claimed.id)
            with timed("rendered"):
                clip = await jobs.rendered(
                    claimed.id, NewClip(file=file, picture=picture, facts=FACTS), time.time()
                )
            assert clip is not None
            with timed("delivered"):
                await jobs.delivered(claimed.id, Delivery(10**18 + number, CHANNEL, GUILD), time.time())
        return timed


def appends(folder: Path, count: int) -> list[float]:
    """Return the seconds of appending a page to a file and waiting for the disk."""
    seconds = []
    with (folder / "appended").open("wb", buffering=0) as file:
        for _ in range(count):
            began = time.perf_counter()
            file.write(bytes(PAGE))
            os.fdatasync(file.fileno())
            seconds.append(time.perf_counter() - began)
    return seconds


def row(name: str, seconds: Sequence[float], processor: Sequence[float]) -> str:
    """Return a table's row of times in ms. processor: none where it was not measured."""
    figures = [statistics.median(processor) * 1000] if processor else []
    figures += [statistics.median(seconds) * 1000, statistics.quantiles(seconds, n=100)[98] * 1000]
    cells = ["–"] * (3 - len(figures)) + [f"{one:.2f}" for one in figures]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=500)
    parser.add_argument("--stored", type=int, default=100_000)
    parser.add_argument("--waiting", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="where the database is written; a disk, not memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        path = folder / "antiphon.db"
        migrations.migrate(path, 0)
        words = vocabulary(random.Random(7))
        fill_clips(path, options.stored, lambda rng: sentence(rng, words, 8))
        timed = asyncio.run(measure(path, options.clips, options.waiting))
        print("| transaction | processor, p50, ms | p50, ms | p99, ms |\n|---|---|---|---|")
        for kind, times in timed.seconds.items():
            print(row(kind, times, timed.processor[kind]))
        print(row("a page appended, fdatasync", appends(folder, options.clips), ()))
    for figure, measured in (("medians", timed.seconds), ("processor's medians", timed.processor)):
        a_clip = sum(statistics.median(one) for one in measured.values())
        transactions = len(measured) / a_clip
        print(
            f"By the {figure}: {transactions:,.0f} transactions a second, {86_400 / a_clip:,.0f} clips a day"
        )


if __name__ == "__main__":
    main()
