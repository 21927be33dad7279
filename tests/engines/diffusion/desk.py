"""A desk for engines in this process: hands out recipes, keeps what is said, cancels at a chosen step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bot.engines.base import Job
from bot.recipe import Recipe


class Desk:
    """Gives each recipe in turn. cancel: job id → the number of steps after which it is cancelled."""

    def __init__(self, *recipes: Recipe, cancel: dict[int, int] | None = None) -> None:
        self.waiting = [Job(number, recipe) for number, recipe in enumerate(recipes, 1)]
        self.cancel = cancel or {}
        self.steps: dict[int, list[tuple[int, int]]] = {}
        self.waves: dict[int, np.ndarray] = {}
        self.errors: dict[int, Exception] = {}

    def next(self, compatible: Callable[[Recipe], bool]) -> Job | None:
        if self.waiting and compatible(self.waiting[0].recipe):
            return self.waiting.pop(0)
        return None

    def progress(self, job: Job, done: int, total: int) -> None:
        self.steps.setdefault(job.id, []).append((done, total))

    def cancelled(self, job: Job) -> bool:
        return job.id in self.cancel and len(self.steps.get(job.id, [])) > self.cancel[job.id]

    def done(self, job: Job, wave: np.ndarray) -> None:
        self.waves[job.id] = wave

    def failed(self, job: Job, error: Exception) -> None:
        self.errors[job.id] = error
