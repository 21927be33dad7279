"""How fast presets are found while somebody types, with 100,000 of them, and clips in /history.

The texts are drawn from the starter library and a made-up vocabulary whose words are as unevenly common as
those of a language; a third of the names holds Japanese. Every query is asked as a member's client asks it:
each prefix of what they type, from the first letter on. Clips are searched by letters, words and signs, by
members with many of them and with few, in ms of the processor.

    python -m benchmarks.store [--presets 100000] [--clips 100000] [--queries 400] [--keep FILE] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks._stored_clips import fill_clips, measure_clips
from bot.presets.names import name_key
from bot.presets.scenarios import starters
from bot.recipe import Mode
from bot.store import migrations
from bot.store.database import Database
from bot.store.presets.model import Body, Viewer
from bot.store.presets.search import Filter, Search, Sort

GUILD = 10
MEMBERS = 2_000
SERVER_SHARE = 0.01
SYLLABLES = [a + b for a in "bcdfghlmnprst" for b in "aeiou"]
JAPANESE = [
    "雨の東京",
    "夜の駅",
    "静かな海",
    "春の風",
    "夏祭り",
    "青い月",
    "古い映画館",
    "雪の朝",
    "星空の下で",
    "深い森",
]


async def measure_history(clips: int, path: Path) -> dict[str, Any]:
    """Return the figures of searches for clips."""
    migrations.migrate(path, 0)
    with closing(sqlite3.connect(path)) as connection:
        [there] = connection.execute("SELECT count(*) FROM clips").fetchone()
    if there < clips:
        words = vocabulary(random.Random(7))
        library = [prompt for one in starters() for prompts in one.prompts.values() for prompt in prompts]
        fill_clips(path, clips, lambda rng: f"{rng.choice(library)}, {sentence(rng, words, 8)}")
    return {"clips": clips} | await measure_clips(path)


async def measure(presets: int, queries: int, path: Path) -> dict[str, Any]:
    """Return the figures of one run; times in ms."""
    migrations.migrate(path, 0)
    with closing(sqlite3.connect(path)) as connection:
        [there] = connection.execute("SELECT count(*) FROM presets").fetchone()
    began = time.perf_counter()
    if there < presets:
        fill(path, presets)
    filled = time.perf_counter() - began
    async with Database.open(path, 0) as database:
        search = Search(database)
        typed = list(typing(random.Random(8), queries))
        times: dict[str, list[float]] = {}
        for number, text in enumerate(typed):
            viewer = Viewer(1 + number % MEMBERS, GUILD)
            start, busy = time.perf_counter(), time.process_time()
            await search.suggest(viewer, text, name_key(text))
            kind = "1 or 2 letters" if len(text) < 3 else "3 and more"
            took = (time.perf_counter() - start) * 1000
            times.setdefault("autocomplete, all", []).append(took)
            busy_ms = (time.process_time() - busy) * 1000
            times.setdefault("autocomplete, all, processor", []).append(busy_ms)
            times.setdefault(f"autocomplete, {kind}", []).append(took)
        viewer = Viewer(1, GUILD)
        for sort in Sort:
            for text in ("", "piano", "東京"):
                start, busy = time.perf_counter(), time.process_time()
                await search.browse(viewer, Filter(text, sort=sort), name_key(text), limit=6)
                times.setdefault("browse, a page", []).append((time.perf_counter() - start) * 1000)
                busy_ms = (time.process_time() - busy) * 1000
                times.setdefault("browse, a page, processor", []).append(busy_ms)
    figures: dict[str, Any] = {"presets": presets, "filled in, s": round(filled, 1)}
    figures["file, MB"] = round(path.stat().st_size / 1e6)
    for name, took_ms in times.items():
        figures[f"{name}: count"] = len(took_ms)
        figures[f"{name}: p50, ms"] = round(statistics.median(took_ms), 1)
        figures[f"{name}: p99, ms"] = round(statistics.quantiles(took_ms, n=100)[98], 1)
        figures[f"{name}: slowest, ms"] = round(max(took_ms), 1)
    return figures


def vocabulary(rng: random.Random) -> list[str]:
    """Return 5,000 different words."""
    words: dict[str, None] = {}
    while len(words) < 5_000:
        words["".join(rng.choices(SYLLABLES, k=rng.randint(1, 4)))] = None
    return list(words)


def sentence(rng: random.Random, words: list[str], length: int) -> str:
    """Return words whose frequency falls with their rank, as Zipf found it."""
    return " ".join(words[min(int(rng.paretovariate(0.6)) - 1, len(words) - 1)] for _ in range(length))


def fill(path: Path, presets: int) -> None:
    """Write the presets in one transaction; the triggers index them as they would any other."""
    rng = random.Random(7)
    words = vocabulary(rng)
    library = [prompt for one in starters() for prompts in one.prompts.values() for prompt in prompts]

    def preset(number: int) -> tuple[object, ...]:
        name = f"{sentence(rng, words, 2)} {number}"
        if rng.random() < 1 / 3:
            name = f"{rng.choice(JAPANESE)} {name}"
        server = rng.random() < SERVER_SHARE
        scope, guild_id = ("server", GUILD) if server else ("public", None)
        owner, uses = rng.randint(1, MEMBERS), int(rng.paretovariate(0.8))
        return number, owner, name, name_key(name), scope, guild_id, uses, rng.random(), number, number

    def version(number: int) -> tuple[object, ...]:
        body = Body(
            template=f"{rng.choice(library)}, {sentence(rng, words, 8)}",
            mode=rng.choice(list(Mode)),
            tags=(words[number % 50],),
            description=sentence(rng, words, 10),
        )
        return number, body.to_json(), number

    numbers = range(1, presets + 1)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(_PRESET, map(preset, numbers))
        connection.executemany(_VERSION, map(version, numbers))


_PRESET = """
INSERT INTO presets (id, owner_id, name, name_key, scope, guild_id, uses, rating, created_at, updated_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_VERSION = "INSERT INTO preset_versions (preset_id, number, body, created_at) VALUES (?, 1, ?, ?)"


def typing(rng: random.Random, queries: int) -> Iterator[str]:
    """Yield what stands in the field after each key: words of every frequency, two words, and Japanese."""
    words = vocabulary(random.Random(7))
    asked = 0
    while asked < queries:
        kind = rng.random()
        if kind < 0.2:
            text = rng.choice(JAPANESE)[rng.randint(0, 1) :]
        elif kind < 0.5:
            text = rng.choice(["piano", "strings", "the", "drums", "rain", "then add", "ing", "a slow"])
        else:
            text = f"{rng.choice(words)} {sentence(rng, words, 1)}"
        for end in range(1, len(text) + 1):
            yield text[:end]
            asked += 1


def main() -> None:
    """Print one run's figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--presets", type=int, default=100_000)
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--keep", type=Path, help="a database to fill once and use again")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.keep or Path(folder, "presets.db")
        figures = (
            asyncio.run(measure(arguments.presets, arguments.queries, path)) if arguments.presets else {}
        )
        if arguments.clips:
            figures |= asyncio.run(measure_history(arguments.clips, path))
    if arguments.json:
        print(json.dumps(figures, ensure_ascii=False))
        return
    for name, value in figures.items():
        print(f"{name:40} {value}")


if __name__ == "__main__":
    main()
