"""The choice of a worker for the next job: one whose model is loaded, within bounds that starve no job."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.executor.protocol import Ready
from bot.recipe import Mode
from bot.store.jobs import Head

MAX_PASSES = 4
"""How many jobs of other modes may overtake the head of the queue while it waits for the worker that has its
model loaded. After that any idle worker loads the model for it."""


class Dispatcher:
    """The state of the workers as far as the choice of the next job depends on it."""

    def __init__(self) -> None:
        self._modes: dict[int, frozenset[Mode]] = {}
        self._ready: dict[int, Ready] = {}
        self._loaded: dict[int, tuple[Mode, ...]] = {}
        self._passed_id = 0
        self._passes = 0

    @property
    def has_worker(self) -> bool:
        """Whether any worker has announced itself and not died since."""
        return bool(self._modes)

    def available(self, worker: int, modes: Sequence[Mode]) -> None:
        """Record the modes whose models a worker has."""
        self._modes[worker] = frozenset(modes)

    def ready(self, worker: int, ready: Ready) -> None:
        """Record a worker's grant."""
        self._ready[worker] = ready
        self._loaded[worker] = ready.loaded

    def has_grants(self, sent: Callable[[int], int]) -> bool:
        """Drop the grants that acked fewer Renders than `sent(worker)`; tell whether any is left."""
        self._ready = {worker: ready for worker, ready in self._ready.items() if ready.acked == sent(worker)}
        return bool(self._ready)

    def died(self, worker: int) -> None:
        """Forget a worker; its successor announces itself."""
        for known in (self._modes, self._ready, self._loaded):
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

        heads: the first queued job of each mode, in the order of the queue.

        The head of the queue goes to a worker that has its model loaded, or none yet. While every worker with
        its model is busy, at most MAX_PASSES jobs of other modes overtake it, on workers that have theirs;
        a mode that no living worker has is overtaken without a bound. Only then does an idle worker load
        another model for it, which may unload the one that it has.
        """
        if not heads:
            return []
        first = heads[0]
        chosen = self._without_loading(first)
        if not first.exclusive and self._may_be_passed(first):
            for head in heads[1:]:
                chosen += self._without_loading(head)
        return chosen + [(worker, first) for worker in self._idle(first) if self._must_load(worker, first)]

    def _without_loading(self, head: Head) -> list[tuple[int, Head]]:
        idle = [worker for worker in self._idle(head) if not self._must_load(worker, head)]
        with_model = [worker for worker in idle if head.mode in self._loaded[worker]]
        without = [worker for worker in idle if worker not in with_model]
        batching = sorted(worker for worker, ready in self._ready.items() if ready.mode is head.mode)
        # A free slot of a batch costs less than the loading of a model, and more than an idle worker.
        order = (*with_model, *without) if head.isolated else (*with_model, *batching, *without)
        return [(worker, head) for worker in order]

    def _idle(self, head: Head) -> list[int]:
        return sorted(
            worker
            for worker, ready in self._ready.items()
            if ready.mode is None and head.mode in self._modes.get(worker, ())
        )

    def _must_load(self, worker: int, head: Head) -> bool:
        """Tell whether a worker would have to load a model beside, or in place of, the one that it has."""
        return bool(self._loaded[worker]) and head.mode not in self._loaded[worker]

    def _may_be_passed(self, head: Head) -> bool:
        if not any(head.mode in modes for modes in self._modes.values()):
            return True
        loaded_elsewhere = any(
            head.mode in loaded for worker, loaded in self._loaded.items() if worker not in self._ready
        )
        passes = self._passes if head.id == self._passed_id else 0
        return loaded_elsewhere and passes < MAX_PASSES
