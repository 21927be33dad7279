"""Workers on a real Ray cluster: a head and several nodes, all on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.errors import SetupError
from bot.executor.cluster import cluster_workers
from bot.jobs.service import Advanced, Moved
from bot.store.database import Database
from bot.store.job_model import State
from bot.store.jobs import Jobs
from tests import gate
from tests.chaos.nodes import QUICK
from tests.jobs.running import Running, queue, running, settings_in
from tests.jobs.test_previews import allow_previews, beginning

ray = pytest.importorskip("ray")
from ray.cluster_utils import Cluster  # noqa: E402

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore"),  # Ray's own, about its own defaults
]


@pytest.fixture(scope="module")
def permits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster") / "gate"


@pytest.fixture(scope="module")
def cluster(permits: Path) -> Iterator[Cluster]:
    """A head without resources, so that work runs on the nodes that a test adds."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(gate.FOLDER, str(permits))
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 0, "include_dashboard": False, "_system_config": QUICK},
        )
        yield cluster
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture
def nodes(cluster: Cluster) -> Iterator[list[Any]]:
    """Two nodes with one CPU each; a test may kill them and add others to the list."""
    nodes = [cluster.add_node(num_cpus=1, include_dashboard=False) for _ in range(2)]
    yield nodes
    for node in nodes:
        cluster.remove_node(node, allow_graceful=False)


@asynccontextmanager
async def bot_with(
    cluster: Cluster, database: Database, folder: Path, workers: int = 2, **changes: Any
) -> AsyncIterator[Running]:
    settings = settings_in(
        folder, executor="ray", ray_address=cluster.address, cluster_workers=workers, **changes
    )
    pool = await cluster_workers(settings, "tests.tone", warm=())
    try:
        async with running(database, folder, workers=pool, **changes) as bot:
            yield bot
    finally:
        await pool.close()
        await asyncio.to_thread(ray.shutdown)


def half_way(job_id: int) -> Callable[[Moved | Advanced], bool]:
    return lambda e: isinstance(e, Advanced) and (e.job_id, e.fraction) == (job_id, 0.5)


async def test_clips_come_from_two_nodes_at_once(
    cluster: Cluster, nodes: list[Any], database: Database, tmp_path: Path, permits: Path
) -> None:
    jobs = Jobs(database)
    both = [await queue(jobs, "held tune", user) for user in (1, 2)]
    async with bot_with(cluster, database, tmp_path) as bot:
        for job in both:
            await bot.until(half_way(job))
        gate.open_for(permits, 2)
        for job in both:
            assert (await bot.until_over(job)).state is State.RENDERED
        names = sorted(file.name for file in bot.settings.clip_dir.iterdir())
    assert names == ["00000001.mp3", "00000001.png", "00000002.mp3", "00000002.png"]


async def test_a_preview_crosses_the_cluster_before_its_clip(
    cluster: Cluster, nodes: list[Any], database: Database, tmp_path: Path, permits: Path
) -> None:
    async with bot_with(cluster, database, tmp_path, ar_model="slow") as bot:
        allow_previews(bot)
        job_id = await queue(bot.jobs, "early held tune", model="slow", seconds=10.0)
        await bot.service.queued(await bot.jobs.get(job_id))
        assert len(await beginning(bot, job_id)) > 30_000
        gate.open_for(permits)
        assert (await bot.until_over(job_id)).state is State.RENDERED
        assert sorted(file.suffix for file in bot.settings.clip_dir.iterdir()) == [".mp3", ".png"]


async def test_a_killed_node_costs_an_attempt_and_its_job_comes_once(
    cluster: Cluster, nodes: list[Any], database: Database, tmp_path: Path, permits: Path
) -> None:
    jobs = Jobs(database)
    both = [await queue(jobs, "held tune", user) for user in (1, 2)]
    async with bot_with(cluster, database, tmp_path) as bot:
        for job in both:
            await bot.until(half_way(job))
        # Both are rendering, so either node is the one of a job.
        await asyncio.to_thread(cluster.remove_node, nodes.pop(0), False)
        [lost] = [(await bot.until(lambda e: isinstance(e, Moved) and e.retry)).job_id]
        nodes.append(cluster.add_node(num_cpus=1, include_dashboard=False))
        gate.open_for(permits, 2)
        for job in both:
            assert (await bot.until_over(job)).state is State.RENDERED
        assert bot.retried() == [lost]
    ended = [e.job_id for e in bot.events if isinstance(e, Moved) and e.state is State.RENDERED]
    assert sorted(ended) == both, "each once"
    assert {job: (await jobs.get(job)).attempts for job in both} == {job: int(job == lost) for job in both}


async def test_a_worker_process_that_dies_on_its_node_is_replaced(
    cluster: Cluster, nodes: list[Any], database: Database, tmp_path: Path
) -> None:
    jobs = Jobs(database)
    crash, after = await queue(jobs, "crash", 1), await queue(jobs, "a tune", 2)
    async with bot_with(cluster, database, tmp_path, workers=1) as bot:
        failed = await bot.until_over(crash)
        assert (await bot.until_over(after)).state is State.RENDERED
    assert failed.state is State.FAILED
    assert "signal 9" in (failed.error or "")
    assert "tried 2 times" in (failed.error or "")


async def test_a_cancelled_job_frees_its_node(
    cluster: Cluster, nodes: list[Any], database: Database, tmp_path: Path
) -> None:
    jobs = Jobs(database)
    held = await queue(jobs, "held tune", 1)
    async with bot_with(cluster, database, tmp_path, workers=1) as bot:
        await bot.until(half_way(held))
        after = await queue(jobs, "a tune", 2)
        await bot.service.cancel(held)
        assert (await bot.until_over(after)).state is State.RENDERED
    assert (await jobs.get(held)).state is State.CANCELLED


async def test_a_cluster_out_of_reach_is_one_sentence(tmp_path: Path) -> None:
    for address, sentence in (("127.0.0.1:1", "RAY_ADDRESS=127"), (None, "needs RAY_ADDRESS")):
        settings = settings_in(tmp_path, executor="ray", ray_address=address)
        with pytest.raises(SetupError, match=sentence):
            await cluster_workers(settings, "tests.tone", warm=())
