"""Swaps and waits with several models and memory for fewer: the dispatcher against a queue served in order.

    python -m benchmarks.residency [--clips N]

Arrivals are a Poisson process, a clip's model is drawn at random, rendering takes 5 to 15 s and loading 20 s.
The naive policy gives the first job to the first idle worker, which loads what it needs and unloads what was
used longest ago; the dispatcher is the bot's own. Both see the same clips.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks._figures import tell
from bot.executor.protocol import Ready
from bot.jobs.dispatch import Dispatcher
from bot.recipe import Mode, ModelRef
from bot.store.job_model import Head

LOAD_SECONDS = 20.0
RENDER_SECONDS = (5.0, 15.0)
SEED = 19


@dataclass(frozen=True, slots=True)
class Scenario:
    """models of equal popularity; memory: how many stay loaded in a worker; load: share of time rendering."""

    models: int
    memory: int
    workers: int
    load: float


SCENARIOS = (
    Scenario(models=2, memory=1, workers=1, load=0.3),
    Scenario(models=2, memory=1, workers=1, load=0.6),
    Scenario(models=3, memory=1, workers=1, load=0.6),
    Scenario(models=3, memory=2, workers=1, load=0.6),
    Scenario(models=4, memory=2, workers=2, load=0.6),
    Scenario(models=3, memory=3, workers=1, load=0.6),
)


@dataclass(frozen=True, slots=True)
class Clip:
    """A request: when it arrives, for which model, and how long it renders."""

    id: int
    arrives: float
    model: ModelRef
    seconds: float


def clips_of(scenario: Scenario, count: int) -> list[Clip]:
    """Return random requests of a scenario, by arrival."""
    rng = np.random.default_rng(SEED)
    between = sum(RENDER_SECONDS) / 2 / (scenario.load * scenario.workers)
    arrivals = np.cumsum(rng.exponential(between, count))
    models = rng.integers(scenario.models, size=count)
    seconds = rng.uniform(*RENDER_SECONDS, size=count)
    return [
        Clip(i + 1, float(arrivals[i]), ModelRef(Mode.AR, f"model {models[i]}"), float(seconds[i]))
        for i in range(count)
    ]


def simulate(scenario: Scenario, clips: list[Clip], *, naive: bool) -> dict[str, float]:
    """Serve the clips; return swaps a 100 clips, and the mean, 95th percentile and maximum wait in seconds.

    The wait is from the request to the end of rendering. A swap is a load that unloads another model.
    """
    models = tuple(ModelRef(Mode.AR, f"model {i}") for i in range(scenario.models))
    dispatcher = Dispatcher()
    loaded: list[list[ModelRef]] = [[] for _ in range(scenario.workers)]
    waits, swaps = [], 0
    queue: list[Clip] = []
    idle = set(range(scenario.workers))

    def grant(worker: int) -> None:
        here = loaded[worker]
        spare = tuple(m for m in models if m not in here) if len(here) < scenario.memory else ()
        dispatcher.ready(worker, Ready(None, 0, tuple(here), spare))

    for worker in idle:
        dispatcher.available(worker, models)
        grant(worker)

    def choose() -> tuple[int, Clip] | None:
        if not queue or not idle:
            return None
        if naive:
            return min(idle), queue[0]
        first: dict[ModelRef, Clip] = {}
        for clip in queue:
            first.setdefault(clip.model, clip)
        heads = [Head(c.id, c.model, isolated=False, exclusive=False) for c in first.values()]
        choices = dispatcher.choices(heads)
        if not choices:
            return None
        worker, head = choices[0]
        dispatcher.passed(head.id, heads)
        return worker, first[head.model]

    events: list[tuple[float, int, Clip | None]] = [(clip.arrives, -1, clip) for clip in clips]
    heapq.heapify(events)
    while events:
        now, worker, clip = heapq.heappop(events)
        if clip is not None:
            queue.append(clip)
        else:
            idle.add(worker)
            grant(worker)
        while chosen := choose():
            worker, taken = chosen
            queue.remove(taken)
            idle.discard(worker)
            dispatcher.assigned(worker)
            here = loaded[worker]
            needed = 0.0
            if taken.model in here:
                here.remove(taken.model)
            else:
                needed = LOAD_SECONDS
                swaps += len(here) >= scenario.memory
            here.append(taken.model)
            del here[: -scenario.memory]
            ends = now + needed + taken.seconds
            waits.append(ends - taken.arrives)
            heapq.heappush(events, (ends, worker, None))
    return {
        "swaps": 100 * swaps / len(clips),
        "mean": float(np.mean(waits)),
        "p95": float(np.percentile(waits, 95)),
        "max": float(np.max(waits)),
    }


async def _measure(count: int) -> Mapping[str, Any]:
    rows: dict[str, str] = {}
    for scenario in SCENARIOS:
        clips = clips_of(scenario, count)
        for policy, naive in (("in order", True), ("dispatcher", False)):
            found = simulate(scenario, clips, naive=naive)
            name = (
                f"{scenario.models} models, memory for {scenario.memory}, {scenario.workers} worker(s), "
                f"load {scenario.load:.0%}, {policy}"
            )
            rows[name] = (
                f"{found['swaps']:.0f} swaps a 100 clips; wait {found['mean']:.0f} s on average, "
                f"{found['p95']:.0f} s in 95 %, {found['max']:.0f} s at most"
            )
    return rows


if __name__ == "__main__":
    tell(__doc__, "clips", 4_000, _measure)
