"""The bot on a Ray cluster of two nodes that asks for a token, with the built-in models."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
import soundfile

from sandbox.actors import text_of
from sandbox.limits import Limits
from sandbox.server import Sandbox
from sandbox.spec import Spec
from tests import gate
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import carries_clip, clips_in, eventually, rendering
from tests.e2e.conftest import running
from tests.e2e.ray_nodes import RayCluster, command, listening, pids_of, ray_cluster
from tests.e2e.two_nodes import SECONDS, a_node_dies_while_both_render, settings, states
from tests.program import ENGINES

pytest.importorskip("ray")
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]

BROKEN = 1
WORKERS = 4


@pytest.fixture(scope="module")
def permits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where clips that wait on the nodes look for a permit."""
    return tmp_path_factory.mktemp("cluster") / "gate"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(permits: Path) -> AsyncIterator[RayCluster]:
    async with ray_cluster(2, **{gate.FOLDER: str(permits)}) as cluster:
        yield cluster


async def test_no_dashboard_listens(cluster: RayCluster) -> None:
    pids = [pid for process in (cluster.head, *cluster.nodes) for pid in pids_of(process)]
    dashboards = [
        pid for pid in pids if re.search("dashboard/dashboard.py|^ray::DashboardAgent", command(pid))
    ]
    assert len(dashboards) == 4, "one at the head, and an agent at each node and the head"
    assert {pid: listening(pid) for pid in dashboards} == {pid: set() for pid in dashboards}
    assert any(listening(pid) for pid in pids), "Ray's other parts do listen"


async def test_a_bot_without_the_clusters_token_is_refused(
    cluster: RayCluster, description: Spec, tmp_path: Path
) -> None:
    async def refused(name: str, **environment: str) -> str:
        folder = tmp_path / name
        folder.mkdir()
        home = {"HOME": str(folder)}
        async with Sandbox(limits=Limits.none(), spec=description) as sandbox:
            bot = BotProcess(sandbox, folder, **settings(cluster), **home, **environment)
            await bot.start()
            assert await bot.ended() == BROKEN
        assert not any("Traceback" in line for line in bot.lines), bot.lines
        return " ".join(bot.lines)

    printed = await asyncio.gather(
        refused("none"),
        refused("missing", RAY_AUTH_MODE="token"),
        refused("wrong", RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="0" * 64),
    )
    for words in printed:
        assert "RAY_AUTH_TOKEN" in words
        assert cluster.environment["RAY_AUTH_TOKEN"] not in words


async def test_a_bot_killed_while_four_workers_render_delivers_each_clip_once(
    cluster: RayCluster, description: Spec, tmp_path: Path, permits: Path
) -> None:
    while len(cluster.nodes) < WORKERS:
        await cluster.add_node()
    environment = settings(cluster) | {"CLUSTER_WORKERS": str(WORKERS), ENGINES: "tests.tone"}
    async with running(description, tmp_path, **environment, **cluster.environment) as bot:
        members = [bot.sandbox.member(name) for name in ("alice", "bob")]
        answers = [await rendering(member, f"tune {n}") for member in members for n in range(2)]
        before = set(cluster.workers())
        assert len(before) == WORKERS
        await bot.kill()
        # What the killed bot had begun may come to its end as well.
        gate.open_for(permits, 2 * WORKERS)
        await bot.restart()
        for answer in answers:
            await carries_clip(answer, bot.sandbox)
        await eventually(
            lambda: [state for state, _ in states(bot)] == ["delivered"] * WORKERS, "all recorded"
        )
        assert [attempts for _, attempts in states(bot)] == [0] * WORKERS, "nobody's clip is to blame"
        assert len(clips_in(bot.sandbox.channel("music"))) == WORKERS
        await eventually(lambda: not before & set(cluster.workers()), "the killed bot's workers gone")


async def test_a_node_killed_while_both_render_costs_nobody_a_clip(
    cluster: RayCluster, description: Spec, tmp_path: Path
) -> None:
    async with running(description, tmp_path, **settings(cluster), **cluster.environment) as bot:
        for message in await a_node_dies_while_both_render(bot, cluster, print):
            [mp3] = [one for one in message.attachments if one.filename.endswith(".mp3")]
            wave, rate = soundfile.read(io.BytesIO(bot.sandbox.bytes_of(mp3)))
            assert len(wave) / rate == pytest.approx(SECONDS, abs=0.5)
            assert np.abs(wave).max() > 0.1
            assert "did not work" not in text_of(message)
        assert sorted(attempts for _, attempts in states(bot)) == [0, 1]
        assert len(clips_in(bot.sandbox.channel("music"))) == 2
