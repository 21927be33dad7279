"""A database of clips, and how fast /history finds words among them."""

from __future__ import annotations

import random
import sqlite3
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from bot.recipe import Mode, Recipe
from bot.store.clip_search import ClipFilter, ClipSearch, VisibleChannels
from bot.store.database import Database

GUILD, CHANNEL = 10, 20
MEMBERS = 2_000
WORDS = {
    "a single letter": ("a", "p", "e", "z"),
    "two or three letters": ("pi", "the", "qq"),
    "a word": ("piano", "strings", "rain", "zzzz"),
    "several words": ("a p", "a the piano", "slow strings"),
    "Japanese and signs": ("東京", "雨", "c#"),
}


def fill_clips(path: Path, clips: int, prompt: Callable[[random.Random], str]) -> None:
    """Write delivered clips in one transaction, a few members with most of them (Pareto)."""
    rng = random.Random(7)
    with closing(sqlite3.connect(path)) as connection, connection:
        # Row by row the triggers would write the index for each; what they do is done at once afterwards.
        [trigger] = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'clips_found'").fetchone()
        connection.execute("DROP TRIGGER clips_found")
        for number in range(1, clips + 1):
            user_id = min(int(rng.paretovariate(0.3)), MEMBERS)
            mode = rng.choice(list(Mode))
            recipe = Recipe(prompt=prompt(rng), mode=mode, model="m", seconds=10, seed=1).to_json()
            values = {"n": number, "recipe": recipe, "mode": mode, "user": user_id}
            connection.execute(_JOB, values)
            connection.execute(_CLIP, values)
        for index in ("clip_words", "clip_grams"):
            connection.execute(
                f"INSERT INTO {index} (rowid, text) SELECT id, json_extract(recipe, '$.prompt') FROM clips"
            )
        connection.execute(trigger)


async def search_times(database: Database) -> Mapping[str, list[float]]:
    """Return ms of the processor for a page of own clips, by members with many and few, and of a server's."""
    search = ClipSearch(database)
    rows = await database.read("SELECT user_id FROM clips GROUP BY user_id ORDER BY count(*) DESC", {})
    members = [rows[at]["user_id"] for at in (0, len(rows) // 20, len(rows) // 2)]
    visible = VisibleChannels(GUILD, [CHANNEL])
    times: dict[str, list[float]] = {}
    for kind, all_words in WORDS.items():
        for words in all_words:
            wanted: Any = ClipFilter(words=words)
            for user_id in members:
                began = time.process_time()
                await search.own(user_id, wanted, before=None, limit=6)
                times.setdefault(f"own clips, {kind}", []).append((time.process_time() - began) * 1000)
            began = time.process_time()
            await search.in_server(visible, wanted, before=None, limit=6)
            times.setdefault(f"the server's clips, {kind}", []).append((time.process_time() - began) * 1000)
    return times


async def measure_clips(path: Path, rounds: int = 3) -> dict[str, Any]:
    """Return the median and the slowest of each kind of search, in ms of the processor."""
    async with Database.open(path, 0) as database:
        found = [await search_times(database) for _ in range(rounds)]
    figures: dict[str, Any] = {}
    for kind in found[0]:
        # The fastest of the rounds: what else runs on the machine is not the search's.
        best = [min(times) for times in zip(*(one[kind] for one in found), strict=True)]
        figures[f"{kind}: p50, ms"] = round(statistics.median(best), 1)
        figures[f"{kind}: slowest, ms"] = round(max(best), 1)
    return figures


_JOB = """
INSERT INTO jobs (id, recipe, mode, user_id, guild_id, channel_id, application_id, can_post, max_bytes,
                  created_at, state, interaction_token)
VALUES (:n, :recipe, :mode, :user, 10, 20, 1, 1, 1, :n, 'delivered', '')
"""
_CLIP = """
INSERT INTO clips (id, job_id, recipe, user_id, guild_id, channel_id, message_id, file, picture, facts,
                   created_at)
VALUES (:n, :n, :recipe, :user, 10, 20, :n, '', '', '{}', :n)
"""
