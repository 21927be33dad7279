"""The choice of a worker for the next job: one whose model is loaded, within bounds that starve no job."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.executor.protocol import Ready
from bot.recipe import ModelRef
from bot.store.job_model import Head

MAX_PASSES = 4
"""How many jobs for other models may overtake the head of the queue while it waits for the worker that has
its model loaded, or before a loaded model is unloaded for it. After that an idle worker loads its model."""


class Dispatcher:
    """The state of the workers as far as the choice of the next job depends on it."""

    def __init__(self) -> None:
        self._models: dict[int, frozenset[ModelRef]] = {}
        self._ready: dict[int, Ready] = {}
        self._loaded: dict[int, tuple[ModelRef, ...]] = {}
        self._fitting: dict[int, tuple[ModelRef, ...]] = {}
        self._passed_id = 0
        self._passes = 0

    @property
    def has_worker(self) -> bool:
        """Whether any worker has announced itself and not died since."""
        return bool(self._models)

    def available(self, worker: int, models: Sequence[ModelRef]) -> None:
        """Record the models that a worker has installed."""
        self._models[worker] = frozenset(models)

    def ready(self, worker: int, ready: Ready) -> None:
        """Record a worker's grant."""
        self._ready[worker] = ready
        self._loaded[worker] = ready.loaded
        self._fitting[worker] = ready.fitting

    def has_grants(self, sent: Callable[[int], int]) -> bool:
        """Drop the grants that acked fewer Renders than `sent(worker)`; tell whether any is left."""
        self._ready = {worker: ready for worker, ready in self._ready.items() if ready.acked == sent(worker)}
        return bool(self._ready)

    def died(self, worker: int) -> None:
        """Forget a worker; its successor announces itself."""
        for known in (self._models, self._ready, self._loaded, self._fitting):
            known.pop(worker, None)

    def assigned(self, worker: int) -> None:
        """Record that a worker's grant was used."""
        self._ready.pop(worker, None)

    def passed(self, job_id: int, heads: Sequence[Head]) -> None:
        """Count a job that was claimed out of `heads` against the head of the queue, where it is another."""
        head = heads[0].id
        if job_id == head:
            self._passes = 0
        else:
            self._passes = self._passes + 1 if head == self._passed_id else 1
            self._passed_id = head

    def choices(self, heads: Sequence[Head]) -> list[tuple[int, Head]]:
        """Return (worker, head) pairs, the best first; the caller takes the first whose claim succeeds.

        heads: the first queued job for each model, in the order of the queue.

        The head of the queue goes to a worker that has its model loaded, or none yet. While every worker with
        its model is busy, or where its model would have to replace a loaded one, at most MAX_PASSES jobs for
        other models overtake it, on workers that have theirs loaded; a model that no living worker has is
        overtaken without a bound. Only then does an idle worker load the model, beside the others if it fits.
        """
        if not heads:
            return []
        first = heads[0]
        chosen = self._without_loading(first)
        if not first.exclusive and self._may_be_passed(first):
            for head in heads[1:]:
                chosen += self._without_loading(head)
        loading = [worker for worker in self._idle(first) if self._must_load(worker, first)]
        loading.sort(key=lambda worker: self._must_swap(worker, first))
        return chosen + [(worker, first) for worker in loading]

    def _without_loading(self, head: Head) -> list[tuple[int, Head]]:
        idle = [worker for worker in self._idle(head) if not self._must_load(worker, head)]
        with_model = [worker for worker in idle if head.model in self._loaded[worker]]
        without = [worker for worker in idle if worker not in with_model]
        batching = sorted(worker for worker, ready in self._ready.items() if ready.model == head.model)
        # A free slot of a batch costs less than the loading of a model, and more than an idle worker.
        order = (*with_model, *without) if head.isolated else (*with_model, *batching, *without)
        return [(worker, head) for worker in order]

    def _idle(self, head: Head) -> list[int]:
        return sorted(
            worker
            for worker, ready in self._ready.items()
            if ready.model is None and head.model in self._models.get(worker, ())
        )

    def _must_load(self, worker: int, head: Head) -> bool:
        """Tell whether a worker would have to load a model beside, or in place of, those that it has."""
        return bool(self._loaded[worker]) and head.model not in self._loaded[worker]

    def _must_swap(self, worker: int, head: Head) -> bool:
        """Tell whether a worker would have to unload a model to load this one."""
        return self._must_load(worker, head) and head.model not in self._fitting[worker]

    def _may_be_passed(self, head: Head) -> bool:
        installed = [worker for worker, models in self._models.items() if head.model in models]
        if not installed:
            return True
        if head.id == self._passed_id and self._passes >= MAX_PASSES:
            return False
        started = [worker for worker in installed if worker in self._loaded]
        with_model = [worker for worker in started if head.model in self._loaded[worker]]
        if with_model:
            return any(worker not in self._ready for worker in with_model)
        return bool(started) and all(self._must_swap(worker, head) for worker in started)
