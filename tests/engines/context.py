"""A RenderContext in this process: hands out recipes, records every call, cancels at a given progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from bot.engines.base import Engine, RenderRequest
from bot.recipe import Recipe, Role


class RecordingContext:
    """cancel: job id → the share of its steps after which it is cancelled. Ids count from 1."""

    def __init__(
        self,
        *recipes: Recipe,
        cancel: dict[int, float] | None = None,
        melody: Path | None = None,
        sources: Mapping[Role, Path] | None = None,
        preview_seconds: float = 0.0,
    ) -> None:
        sources = {**(sources or {}), **({} if melody is None else {Role.MELODY: melody})}
        self.waiting = [
            RenderRequest(number, recipe, sources, preview_seconds)
            for number, recipe in enumerate(recipes, 1)
        ]
        self.cancel = cancel or {}
        self.updates: dict[int, list[tuple[int, int]]] = {}
        self.waves: dict[int, np.ndarray] = {}
        self.scores: dict[int, str] = {}
        self.previews: dict[int, np.ndarray] = {}
        self.errors: dict[int, Exception] = {}
        self.heartbeats = 0
        self.warnings: dict[int, list[str]] = {}

    def next(self, compatible: Callable[[Recipe], bool]) -> RenderRequest | None:
        if self.waiting and compatible(self.waiting[0].recipe):
            return self.waiting.pop(0)
        return None

    def progress(self, job: RenderRequest, done: int, total: int) -> None:
        self.updates.setdefault(job.id, []).append((done, total))

    def warn(self, job: RenderRequest, sentence: str) -> None:
        self.warnings.setdefault(job.id, []).append(sentence)

    def heartbeat(self) -> None:
        self.heartbeats += 1

    def cancelled(self, job: RenderRequest) -> bool:
        done, total = self.updates.get(job.id, [(0, 1)])[-1]
        return job.id in self.cancel and done / total >= self.cancel[job.id]

    def preview(self, job: RenderRequest, wave: np.ndarray) -> None:
        assert job.id not in self.previews, "once"
        assert job.id not in self.waves, "before the whole"
        self.previews[job.id] = wave

    def done(self, job: RenderRequest, wave: np.ndarray, *, score: str = "") -> None:
        self.waves[job.id] = wave
        self.scores[job.id] = score

    def failed(self, job: RenderRequest, error: Exception) -> None:
        self.errors[job.id] = error


def rendered(
    engine: Engine, *recipes: Recipe, cancel: dict[int, float] | None = None, melody: Path | None = None
) -> RecordingContext:
    context = RecordingContext(*recipes, cancel=cancel, melody=melody)
    engine.run(context)
    return context
