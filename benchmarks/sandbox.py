"""What the sandbox adds to a command: slash → defer → edit, 200 at once, through real sockets.

    python -m benchmarks.sandbox [--commands 200] [--rounds 5]

One process holds the sandbox and a bot of bare aiohttp (`bare`), or the sandbox alone with a discord.py bot
in a process of its own (`discord.py`), which also pays for discord.py. Every command is sent at the same
moment; its time runs until the edited answer is in the channel. `each` is the whole burst divided by the
number of commands, which is what one command costs; `cpu` is what this process computed of it: the sandbox,
the acting members and, if bare, the bot. `alone` is the median of commands sent one after the other.
Milliseconds, medians over rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from sandbox.actors import Reply
from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.server import Sandbox

BOT = """
import asyncio, os
import aiohttp, discord, yarl
from discord import app_commands

client = discord.AutoShardedClient(intents=discord.Intents.none())
tree = app_commands.CommandTree(client)

@tree.command(description="Defer, then edit")
async def play(interaction: discord.Interaction) -> None:
    await interaction.response.defer()
    await interaction.edit_original_response(content="done")

async def main() -> None:
    discord.http.Route.BASE = os.environ["DISCORD_API_URL"]
    client.setup_hook = tree.sync
    async with client:
        await client.start(os.environ["DISCORD_TOKEN"])

asyncio.run(main())
"""


@asynccontextmanager
async def library_bot(sandbox: Sandbox) -> AsyncIterator[None]:
    """A discord.py bot in a process of its own."""
    environment = {"DISCORD_API_URL": sandbox.api_url, "DISCORD_TOKEN": sandbox.bot_token}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "ignore",
        "-c",
        BOT,
        env=os.environ | environment,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def bare_bot(sandbox: Sandbox) -> AsyncIterator[None]:
    """A bot that does nothing but the requests."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        auth = {"Authorization": f"Bot {sandbox.bot_token}"}
        commands = f"{sandbox.api_url}/applications/{sandbox.application_id}/commands"
        await session.put(commands, json=[{"name": "play", "description": "Play"}], headers=auth)

        async def answer(event: dict[str, str]) -> None:
            callback = f"{sandbox.api_url}/interactions/{event['id']}/{event['token']}/callback"
            await (await session.post(callback, json={"type": 5})).read()
            message = (
                f"{sandbox.api_url}/webhooks/{event['application_id']}/{event['token']}/messages/@original"
            )
            await (await session.patch(message, json={"content": "done"})).read()

        async def listen() -> None:
            async with session.ws_connect(sandbox.gateway_url) as ws:
                await ws.send_json({"op": 2, "d": {"token": sandbox.bot_token, "intents": 0}})
                running = set()
                async for frame in ws:
                    event = json.loads(frame.data)
                    if event["t"] == "INTERACTION_CREATE":
                        running.add(asyncio.create_task(answer(event["d"])))

        listener = asyncio.create_task(listen())
        try:
            yield
        finally:
            listener.cancel()


async def burst(sandbox: Sandbox, count: int) -> tuple[list[float], float]:
    """Milliseconds of each of `count` commands sent at once, and of all of them together."""
    alice, music = sandbox.member("alice"), sandbox.channel("music")
    begun = time.perf_counter()

    async def one() -> float:
        started = time.perf_counter()
        reply = Reply(sandbox, sandbox.client.slash(alice.user, music.channel, "play", {}))
        await reply.finished(60)
        return (time.perf_counter() - started) * 1000

    times = await asyncio.gather(*(one() for _ in range(count)))
    return times, (time.perf_counter() - begun) * 1000


async def measure(kind: str, count: int, rounds: int) -> dict[str, float | str | int]:
    """The medians for one kind of bot."""
    bots = {"bare": bare_bot, "discord.py": library_bot}
    # Time stands still, so that no deadline passes on a busy machine.
    clock = Clock(paused_at=time.time())
    async with Sandbox(clock=clock, limits=Limits.none()) as sandbox, bots[kind](sandbox):
        await sandbox.ready()
        await sandbox.until(lambda: "play" in sandbox.member("alice").commands(), 30, "the command")
        await burst(sandbox, 10)
        alone = [(await burst(sandbox, 1))[1] for _ in range(20)]
        computed = time.process_time()
        bursts = [await burst(sandbox, count) for _ in range(rounds)]
        computed = time.process_time() - computed
    return {
        "bot": kind,
        "commands": count,
        "alone": round(statistics.median(alone), 2),
        "each": round(statistics.median(whole for _, whole in bursts) / count, 2),
        "cpu": round(computed * 1000 / rounds / count, 2),
        "median_at_once": round(statistics.median(time for times, _ in bursts for time in times), 1),
        "last_at_once": round(statistics.median(max(times) for times, _ in bursts), 1),
    }


async def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--commands", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    for kind in ("bare", "discord.py"):
        print(json.dumps(await measure(kind, asked.commands, asked.rounds)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
