"""The workers that the settings describe."""

from __future__ import annotations

from collections.abc import Sequence

from bot.config import Settings
from bot.executor.local import local_workers
from bot.executor.pool import WorkerPool
from bot.recipe import ModelRef


async def configured_workers(settings: Settings, engines: str, *, warm: Sequence[ModelRef]) -> WorkerPool:
    """Return this machine's workers, or those of a Ray cluster with EXECUTOR=ray.

    warm: the models that are loaded ahead, one a worker in turn.
    Raises SetupError where the cluster cannot be reached.
    """
    if settings.executor == "ray":
        # Ray is an optional dependency, and takes seconds to import.
        from bot.executor.cluster import cluster_workers

        return await cluster_workers(settings, engines, warm=warm)
    return local_workers(settings, engines, warm=warm)
