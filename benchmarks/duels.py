"""How quick votes are acknowledged while leaderboards of 100,000 votes are drawn, and how long those take.

The real bot against the sandbox, with engines that play test tones. One duel is open; 100,000 votes of 1,000
members on 5,000 closed duels lie in its database. Votes are then cast on the open duel, one every 50 ms,
while one leaderboard after another is asked for. The second part draws through the same process without the
bot, where nothing else is measured.

    python -m benchmarks.duels [--votes 100] [--json]
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks._figures import tell
from benchmarks.arena import COMMUNITY, TAGS, votes
from bot.arena.votes import Vote
from bot.leaderboard.process import LeaderboardProcess
from sandbox.actors import Actor
from sandbox.limits import Limits
from sandbox.model import Member, State, User
from sandbox.server import Sandbox
from tests.e2e.bot_process import BotProcess

HEARD = 30.0
EVERY = 0.05
BOARDS = 7
PATIENCE = 120.0


def fill(path: Path, cast: list[Vote], guild: int) -> None:
    """Put votes, and the duels they are on, into the bot's database."""
    with closing(sqlite3.connect(path, timeout=30)) as db, db:
        db.execute("PRAGMA foreign_keys = OFF")
        seen = {vote.duel: vote for vote in cast}
        db.executemany(
            "INSERT INTO duels (id, state, prompt, seconds, tags, built_in, user_id, guild_id, channel_id,"
            " application_id, max_bytes, created_at, message_id, posted_at, closes_at)"
            " VALUES (?, 'revealed', 'a tune', ?, ?, 1, 1, ?, 1, 1, 1, 0, 1, 0, 0)",
            [(duel, vote.seconds, json.dumps(vote.tags), guild) for duel, vote in seen.items()],
        )
        # Jobs of their own would be 10,000 more rows that nobody reads here.
        sides = [
            (duel, side, arm.mode, arm.model, -(2 * number + offset + 1))
            for number, (duel, vote) in enumerate(seen.items())
            for offset, (side, arm) in enumerate((("a", vote.a), ("b", vote.b)))
        ]
        db.executemany(
            "INSERT INTO duel_sides (duel_id, side, mode, model, job_id, tries) VALUES (?, ?, ?, ?, ?, 1)",
            sides,
        )
        db.executemany(
            "INSERT INTO duel_votes (duel_id, voter_id, choice, cast_at, seconds_to_vote, requester,"
            " excluded_reason) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (v.duel, v.voter, v.choice, v.cast_at, v.seconds_to_vote, v.requester, v.excluded_reason)
                for v in cast
            ],
        )


def strangers(discord: Sandbox, number: int) -> list[Actor]:
    """Return so many new members of the sandbox's server."""
    world = discord.world
    channel = discord.channel("music").channel
    found = []
    for index in range(number):
        user = world.add_user(User(world.ids.next(), f"voter{index}", f"Voter {index}"))
        world.guild(channel.guild_id or 0).members[user.id] = Member(user.id, [], world.clock.now())
        found.append(Actor(discord, user))
    return found


async def measure(number: int) -> dict[str, Any]:
    """Return every figure of one run."""
    cast = votes(COMMUNITY, TAGS)
    with tempfile.TemporaryDirectory() as folder:
        async with Sandbox(limits=Limits.none()) as discord:
            quiet = {"DUEL_ACCOUNT_DAYS": "0", "LOG_LEVEL": "warning"}
            async with BotProcess(discord, Path(folder), **quiet) as bot:
                path = bot.folder / "antiphon.db"
                host = discord.member("host")
                await discord.until(lambda: "duel" in host.commands(), PATIENCE, "the commands")
                await host.slash("duel start", prompt="slow piano", seconds=1)
                music = discord.channel("music")
                message = await music.wait_for(
                    lambda m: any(a.filename == "a.mp3" for a in m.attachments), PATIENCE
                )
                voters = strangers(discord, number)
                fill(path, cast, music.channel.guild_id or 0)
                discord.clock.advance(HEARD)
                # Imports and the first reading are not what is measured.
                await (await host.slash("leaderboard")).finished(PATIENCE)

                drawing = asyncio.create_task(keep_drawing(host))
                latencies = await vote(discord, message, voters)
                drawing.cancel()
                drawn = await asyncio.gather(drawing, return_exceptions=True)
                if not isinstance(drawn[0], asyncio.CancelledError):
                    raise RuntimeError(f"the leaderboards ended early: {drawn[0]}")
                stored = await until_stored(path, number)
        seconds = await alone(path)
    return {
        "votes in the leaderboard": len(cast),
        "votes cast meanwhile": stored,
        "acknowledged p50, ms": round(statistics.median(latencies), 1),
        "acknowledged p99, ms": round(statistics.quantiles(latencies, n=100)[98], 1),
        "leaderboard, first, s": round(seconds[0], 2),
        "leaderboard, warm, best, s": round(min(seconds[1:]), 2),
        "leaderboard, warm, median, s": round(statistics.median(seconds[1:]), 2),
        "leaderboard, warm, slowest, s": round(max(seconds[1:]), 2),
    }


async def keep_drawing(actor: Actor) -> None:
    """Ask for one leaderboard after another."""
    while True:
        await (await actor.slash("leaderboard")).finished(PATIENCE)


async def vote(discord: Sandbox, message: Any, voters: list[Actor]) -> list[float]:
    """Cast one vote a voter; return each one's time to its acknowledgement, in ms."""
    took: list[float] = []

    async def one(actor: Actor) -> None:
        acknowledged = asyncio.Event()
        stop = discord.world.listen(set_on(acknowledged))
        began = time.perf_counter()
        reply = await actor.click(message, "A", wait=False)
        waiting[acknowledged] = reply
        await acknowledged.wait()
        took.append((time.perf_counter() - began) * 1000)
        stop()
        if reply.state is State.FAILED:
            raise RuntimeError("a vote was not acknowledged")

    waiting: dict[asyncio.Event, Any] = {}

    def set_on(event: asyncio.Event) -> Callable[[object], None]:
        return lambda _: event.set() if event in waiting and waiting[event].state is not State.SENT else None

    async with asyncio.TaskGroup() as group:
        for actor in voters:
            group.create_task(one(actor))
            await asyncio.sleep(EVERY)
    return took


async def until_stored(path: Path, number: int) -> int:
    """Wait until every vote is in the database; return how many there are."""
    sql = "SELECT count(*) FROM duel_votes JOIN duels ON duels.id = duel_id WHERE state = 'open'"
    async with asyncio.timeout(PATIENCE):
        while True:
            with closing(sqlite3.connect(path)) as db:
                stored: int = db.execute(sql).fetchone()[0]
            if stored == number:
                return stored
            await asyncio.sleep(0.1)


async def alone(path: Path) -> list[float]:
    """Return how long leaderboards take, in s, from asking to the picture: the first, then warm ones.

    One more duel is closed before each.
    """
    leaderboards = LeaderboardProcess(path)
    seconds = []
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        late = db.execute("SELECT id FROM duels WHERE state = 'revealed' LIMIT ?", (BOARDS,)).fetchall()
        db.executemany("UPDATE duels SET state = 'open' WHERE id = ?", late)
        try:
            for closes in [None, *late]:
                if closes is not None:
                    db.execute("UPDATE duels SET state = 'revealed' WHERE id = ?", closes)
                began = time.perf_counter()
                await leaderboards.draw(
                    guild_id=None, title="Everywhere", group="tag", built_in=True, now=1e9
                )
                seconds.append(time.perf_counter() - began)
        finally:
            await leaderboards.close()
    return seconds


if __name__ == "__main__":
    tell(__doc__, "votes", 100, measure)
