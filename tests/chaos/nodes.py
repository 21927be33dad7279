"""A Ray cluster for chaos: a head that renders nothing and nodes that a run kills."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Self

from tests import gate

ROOT = Path(__file__).parents[2]
QUICK = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 3,
}
"""Ray's health checks: a dead node is noticed in 3 s in place of 15."""


class ChaosCluster:
    """A head and `size` nodes with one CPU each, all on this machine."""

    def __init__(self, cluster: Any, size: int) -> None:
        self._cluster = cluster
        self._nodes = [self._new() for _ in range(size)]

    def settings(self, workers: int) -> dict[str, str]:
        """Return the bot's settings for so many workers on the nodes."""
        return {
            "EXECUTOR": "ray",
            "RAY_ADDRESS": self._cluster.address,
            "CLUSTER_WORKERS": str(workers),
        }

    async def kill_node(self, rng: Random) -> None:
        """Kill all processes of a random node, and let another one join the cluster."""
        node = self._nodes.pop(rng.randrange(len(self._nodes)))
        await asyncio.to_thread(self._cluster.remove_node, node, False)
        self._nodes.append(self._new())

    def _new(self) -> Any:
        # In this thread, since Ray sets a handler of SIGTERM; the sandbox stands still meanwhile.
        return self._cluster.add_node(num_cpus=1, include_dashboard=False)

    @classmethod
    @asynccontextmanager
    async def started(cls, folder: Path, size: int) -> AsyncIterator[Self]:
        """Start a cluster whose workers take the tests' engines, and end it after the block.

        folder: the bot's, where a gate holds the clips. Ray's nodes hand their environment on to the workers.
        """
        from ray.cluster_utils import Cluster

        before = dict(os.environ)
        os.environ |= {
            "PYTHONPATH": str(ROOT),
            "RAY_USAGE_STATS_ENABLED": "0",
            gate.FOLDER: str(folder / "gate"),
        }
        try:
            head = {"num_cpus": 0, "include_dashboard": False, "_system_config": QUICK}
            cluster = Cluster(initialize_head=True, head_node_args=head)
            try:
                yield cls(cluster, size)
            finally:
                await asyncio.to_thread(cluster.shutdown)
        finally:
            os.environ.clear()
            os.environ |= before
