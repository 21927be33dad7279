"""A Ray cluster of two nodes on this machine, and the bot on it: `python -m tests.e2e.two_nodes [FOLDER]`.

The commands of docs/scale.md start a head and two nodes that ask for a token. Two members ask for a clip by
one built-in model each, a node is killed while both render, and each clip comes once. They are written into
FOLDER, by default the one for temporary files.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bot.config import BUILTIN_AR, BUILTIN_DIFFUSION
from sandbox.model import Message
from sandbox.server import Sandbox
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import carries_clip, eventually, mp3_of, queued
from tests.e2e.ray_nodes import RayCluster, ray_cluster, workers_of
from tests.program import ENGINES

REQUESTS = {"alice": ("calm jazz", BUILTIN_AR), "bob": ("slow piano", BUILTIN_DIFFUSION)}
SECONDS = 20
"""Of a clip."""


def settings(cluster: RayCluster) -> dict[str, str]:
    """Return the bot's settings for the cluster, without its token."""
    return {
        ENGINES: "bot.engines.registry",
        "EXECUTOR": "ray",
        "RAY_ADDRESS": cluster.address,
        "CLUSTER_WORKERS": "2",
    }


def states(bot: BotProcess) -> list[tuple[str, int]]:
    """Return the state of each job, and how many attempts it cost."""
    with closing(sqlite3.connect(bot.folder / "antiphon.db", timeout=30)) as connection:
        return connection.execute("SELECT state, attempts FROM jobs ORDER BY id").fetchall()


async def a_node_dies_while_both_render(
    bot: BotProcess, cluster: RayCluster, say: Callable[[str], None]
) -> list[Message]:
    """Return the two messages with their clips."""
    answers = []
    for name, (prompt, model) in REQUESTS.items():
        member = bot.sandbox.member(name)
        answers.append(await queued(member, prompt, model=model, seconds=SECONDS))
        say(f"{name} asked for {SECONDS} s of {prompt} by {model}")
    await eventually(lambda: [state for state, _ in states(bot)] == ["running"] * 2, "both to render")
    # Both are held where they are, so neither is over before its node may be lost.
    cluster.freeze_workers()
    say(f"both render: {states(bot)}")
    assert [state for state, _ in states(bot)] == ["running"] * 2
    cluster.kill_node(next(node for node in cluster.nodes if workers_of(node)))
    cluster.thaw_workers()
    say("a node was killed")
    clips = [await carries_clip(answer, bot.sandbox) for answer in answers]
    await eventually(lambda: [state for state, _ in states(bot)] == ["delivered"] * 2, "both recorded")
    say(f"both were delivered: {states(bot)}")
    return clips


async def demonstrate(folder: Path) -> None:
    """Print what happens, and write the clips into the folder."""
    folder.mkdir(exist_ok=True)
    print("Starting a head and two nodes …", flush=True)
    async with ray_cluster(2) as cluster, Sandbox() as sandbox:
        with tempfile.TemporaryDirectory() as data:
            environment = settings(cluster) | cluster.environment
            async with BotProcess(sandbox, Path(data), **environment) as bot:
                await sandbox.until(lambda: "music" in sandbox.member("alice").commands(), 60, "the commands")
                for clip in await a_node_dies_while_both_render(bot, cluster, lambda s: print(s, flush=True)):
                    print(mp3_of(clip, sandbox, folder))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path(tempfile.gettempdir()))
    asyncio.run(demonstrate(parser.parse_args().folder))


if __name__ == "__main__":
    main()
