"""The workers on this machine: one child process a device."""

from __future__ import annotations

import os
from collections.abc import Sequence

from bot.config import Settings
from bot.executor.child import ChildExecutor
from bot.executor.pool import WorkerPool
from bot.recipe import ModelRef


def local_workers(settings: Settings, engines: str, *, warm: Sequence[ModelRef]) -> WorkerPool:
    """Return a worker for each of the settings' devices.

    warm: the models that are loaded ahead, one a worker in turn, so that several are ready soon.
    Workers that share the CPU divide its cores, because more threads than cores slow each other down.
    """
    devices = settings.worker_devices
    sharing = sum(device == "cpu" for device in devices)
    threads = max(1, (os.cpu_count() or 1) // sharing) if sharing > 1 else 0
    return WorkerPool(
        [
            ChildExecutor.configured(
                settings,
                engines,
                warm=warm[number % len(warm)] if warm else None,
                device=device,
                threads=threads if device == "cpu" else 0,
                number=number,
            )
            for number, device in enumerate(devices)
        ]
    )
