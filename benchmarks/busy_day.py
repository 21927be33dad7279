"""A busy day of the queue: who waits how long, by three orders of the queue.

    python -m benchmarks.busy_day [--jobs 10000] [--seed 1] [--orders NAME …] [--slots 8 --slowdown 0.3]

The program's own statements run on a SQLite file, with a virtual clock and one worker. Three servers, members
whose number of requests is heavy-tailed (Zipf), more requests in the evening than at night, and at 20:00 a
raid: 100 new accounts of the smallest server ask for as much as they may. Rendering takes 0.25 s for each
second of audio and 1.5 s more, with a log-normal spread of 20 %; with slots, clips are rendered beside each
other, and each takes longer by the slowdown for every other. The estimate of every request is stored, and
that of every fifth compared.
"""

from __future__ import annotations

import argparse
import asyncio
import bisect
import itertools
import math
import random
import statistics
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from bot.errors import LimitReached
from bot.executor.open_jobs import OpenJobs
from bot.executor.protocol import Render
from bot.jobs.durations import slowed
from bot.jobs.estimates import Estimates, QueuePosition
from bot.jobs.outcomes import Outcomes
from bot.recipe import Mode, Recipe
from bot.store.clips import Clips, NewClip
from bot.store.database import Database
from bot.store.job_model import Delivery, Job, Request
from bot.store.jobs import Jobs

DAY = 86_400.0
RAID_AT = 20 * 3600.0
SERVERS = {1: 220, 2: 70, 3: 10}
"""Members by server."""
LENGTHS = ((5.0, 20), (10.0, 45), (20.0, 15), (30.0, 12), (60.0, 6), (180.0, 2))
"""Seconds of audio, with the share of requests."""
PACE, FINISHING, SPREAD = 0.25, 1.5, 0.2
LIMITS: dict[str, Any] = {"per_member": 5, "in_all": 500}
ORDERS = {
    "first come, first served": """
SELECT id, user_id, mode, recipe, row_number() OVER (ORDER BY id) AS queue_position
FROM jobs WHERE state = 'queued'
""",
    "members take turns": """
SELECT id, user_id, mode, recipe, row_number() OVER (ORDER BY round, served_at, first_id) AS queue_position
FROM (SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY id) AS round,
             min(id) OVER (PARTITION BY user_id) AS first_id,
             coalesce((SELECT max(claimed_at) FROM jobs AS served WHERE served.user_id = jobs.user_id), 0)
             AS served_at
      FROM jobs WHERE state = 'queued')
""",
    "the program's order": "",
}
"""The view `queue` of each order; empty for the program's own."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request of the day. render_seconds: what its clip takes alone."""

    at: float
    user_id: int
    guild_id: int
    seconds: float
    render_seconds: float


@dataclass(frozen=True, slots=True)
class Served:
    """What became of it. waited, took: seconds until claim and delivery.

    predicted: the estimate of the latter at the request, if it was read.  by_queue: from the queue alone.
    first: whether no other clip of the member waited.
    """

    ask: Ask
    waited: float
    predicted: QueuePosition | None
    by_queue: QueuePosition | None
    first: bool
    took: float


class QueueAlone(Estimates):
    """Estimates as if nobody asked later."""

    async def _known_outcomes(self) -> Outcomes:
        return Outcomes()


def day(count: int, seed: int = 1) -> list[Ask]:
    """Return the requests of a day in order, those of the raid beside `count` others."""
    rng = random.Random(seed)
    members = [(guild * 1000 + n, guild) for guild, size in SERVERS.items() for n in range(size)]
    rng.shuffle(members)
    weights = [1 / (rank + 1) for rank in range(len(members))]
    asks = []
    for _ in range(count):
        user_id, guild_id = rng.choices(members, weights)[0]
        # More in the evening: accepted with a probability that follows a cosine with its top at 20:00.
        while True:
            at = rng.uniform(0, DAY)
            if rng.random() < 0.5 + 0.5 * math.cos(2 * math.pi * (at - RAID_AT) / DAY):
                break
        asks.append(_ask(rng, at, user_id, guild_id))
    asks += [
        _ask(rng, RAID_AT + rng.uniform(0, 120), 90_000 + account, 3)
        for account in range(100)
        for _ in range(5)
    ]
    return sorted(asks, key=lambda ask: ask.at)


def _ask(rng: random.Random, at: float, user_id: int, guild_id: int) -> Ask:
    seconds = rng.choices([s for s, _ in LENGTHS], [share for _, share in LENGTHS])[0]
    took = (seconds * PACE + FINISHING) * rng.lognormvariate(0, SPREAD)
    return Ask(at, user_id, guild_id, seconds, took)


class Worker:
    """A worker whose clips share it, each as fast as the others. clock: the virtual time in seconds."""

    def __init__(self, slots: int, slowdown: float, clock: Callable[[], float]) -> None:
        self.slots = slots
        self._slowdown = slowdown
        self._clock = clock
        self._counted_at = 0.0
        self._left: dict[int, float] = {}
        self._open = OpenJobs(clock)

    @property
    def is_free(self) -> bool:
        """Whether another clip could begin."""
        return len(self._left) < self.slots

    def begin(self, job: Job, seconds: float) -> None:
        """Render a clip that takes so long alone."""
        self._count()
        self._left[job.id] = seconds
        self._open.begin(Render(job.id, job.recipe, "", 1))

    def next_end(self) -> float:
        """Return when the next clip is done, infinite where none is rendered."""
        if not self._left:
            return math.inf
        return self._counted_at + min(self._left.values()) * slowed(self._slowdown, len(self._left))

    def end(self) -> tuple[int, float]:
        """End the next clip; return its job and how many were rendered at once meanwhile."""
        self._count()
        job_id = min(self._left, key=self._left.__getitem__)
        del self._left[job_id]
        concurrency = self._open.concurrency(job_id)
        self._open.end(job_id)
        return job_id, concurrency

    def progress(self, asked: Mapping[int, Ask]) -> Iterator[tuple[int, float, float]]:
        """Give each clip: its job, the share that is done, and how many were rendered at once meanwhile."""
        self._count()
        for job_id, left in self._left.items():
            yield job_id, 1 - left / asked[job_id].render_seconds, self._open.concurrency(job_id)

    def _count(self) -> None:
        elapsed = (self._clock() - self._counted_at) / slowed(self._slowdown, max(len(self._left), 1))
        self._left = {job_id: max(left - elapsed, 0.0) for job_id, left in self._left.items()}
        self._counted_at = self._clock()


async def simulate(
    asks: list[Ask], view: str, folder: Path, slots: int = 1, slowdown: float = 0.0
) -> tuple[list[Served], int]:
    """Run a day on a new database; return what was served, and how many requests were refused."""
    now, served, refused = 0.0, [], 0
    async with Database.open(folder / "day.db", now=0) as database:
        async with database.write() as tx:
            if view:
                await tx.execute("DROP VIEW queue")
                await tx.execute(f"CREATE VIEW queue AS {view}")
        jobs, clips = Jobs(database), Clips(database)
        estimates = Estimates(jobs, clips, {}, 1, lambda: now)
        alone = QueueAlone(jobs, clips, {}, 1, lambda: now)
        worker = Worker(slots, slowdown, lambda: now)
        asked: dict[int, Ask] = {}
        known: dict[int, tuple[bool, QueuePosition | None, QueuePosition | None]] = {}
        waited: dict[int, float] = {}
        coming = deque(enumerate(asks))
        while coming or worker.next_end() < math.inf:
            if not coming or worker.next_end() <= coming[0][1].at:
                now = worker.next_end()
                job_id, concurrency = worker.end()
                ask = asked[job_id]
                facts = {
                    "real_time_factor": ask.render_seconds / ask.seconds,
                    "slots": slots,
                    "concurrency": concurrency,
                }
                clip = await jobs.rendered(job_id, NewClip(file="", picture="", facts=facts), now)
                assert clip is not None
                await jobs.delivered(job_id, Delivery(job_id, 1, ask.guild_id), now)
                first, predicted, by_queue = known[job_id]
                served.append(Served(ask, waited[job_id], predicted, by_queue, first, now - ask.at))
                for estimator in (estimates, alone):
                    estimator.stopped(job_id)
                    estimator.rendered(clip.recipe.model)
            else:
                index, ask = coming.popleft()
                now = ask.at
                recipe = Recipe(prompt="rain", mode=Mode.AR, model="m", seconds=ask.seconds, seed=1)
                request = Request(
                    recipe=recipe, user_id=ask.user_id, guild_id=ask.guild_id, channel_id=1, application_id=1,
                    interaction_token="", can_post=True, max_bytes=1,
                )  # fmt: skip
                try:
                    job = await jobs.add(request, now, **LIMITS)
                except LimitReached:
                    refused += 1
                    continue
                asked[job.id] = ask
                for running, fraction, concurrency in worker.progress(asked):
                    estimates.progress(running, fraction, concurrency)
                    alone.progress(running, fraction, concurrency)
                await estimates.expect([job.id])
                first = len(await jobs.open_of(ask.user_id)) == 1
                predicted = by_queue = None
                if index % 5 == 0:
                    predicted = (await estimates.positions())[job.id]
                    by_queue = (await alone.positions())[job.id]
                known[job.id] = (first, predicted, by_queue)
            while worker.is_free and (claimed := await jobs.claim(now)):
                waited[claimed.id] = now - asked[claimed.id].at
                worker.begin(claimed, asked[claimed.id].render_seconds)
    return served, refused


def groups(served: list[Served], seconds: Callable[[Served], float]) -> dict[str, list[float]]:
    """Return the seconds of each group's clips."""
    counts: dict[int, int] = {}
    for one in served:
        counts[one.ask.user_id] = counts.get(one.ask.user_id, 0) + 1
    others = [one for one in served if one.ask.user_id < 90_000]
    raid = [one for one in others if RAID_AT <= one.ask.at < RAID_AT + 3600]
    return {
        "light members (10 clips or fewer)": [seconds(o) for o in others if counts[o.ask.user_id] <= 10],
        "heavy members (100 clips or more)": [seconds(o) for o in others if counts[o.ask.user_id] >= 100],
        "clips of 5 s": [seconds(o) for o in others if o.ask.seconds == 5],
        "clips of 180 s": [seconds(o) for o in others if o.ask.seconds == 180],
        "servers 1 and 2 in the hour of the raid": [seconds(o) for o in raid if o.ask.guild_id != 3],
        "light members of server 3": [
            o.waited for o in others if o.ask.guild_id == 3 and counts[o.ask.user_id] <= 10
        ],
        "members of server 3": [seconds(o) for o in others if o.ask.guild_id == 3],
        "members of server 3 in that hour": [seconds(o) for o in raid if o.ask.guild_id == 3],
        "accounts of the raid": [seconds(o) for o in served if o.ask.user_id >= 90_000],
    }


def accuracy(name: str, estimated: list[tuple[QueuePosition, float]]) -> str:
    """Return how far estimates were off, as a share of what it took, and how often the range held it."""
    if not estimated:
        return f"estimate {name}: none"
    errors = [abs(position.seconds - took) / took for position, took in estimated]
    within = statistics.mean(position.low <= took <= position.high for position, took in estimated)
    return (
        f"estimate {name}: off by {statistics.median(errors):.1%}, 90 %: {percentile(errors, 0.9):.0%}, "
        f"within the range: {within:.0%}, of {len(errors)}"
    )


def foreseen(served: list[Served]) -> list[tuple[Served, float]]:
    """Return each one's estimate with all later requests known and each render at its expected time.

    served: in the order of claims. What is left of the clip that renders at the request is as expected, too.
    """
    starts = [one.ask.at + one.waited for one in served]
    expected = [one.ask.seconds * PACE + FINISHING for one in served]
    total = [0.0, *itertools.accumulate(expected)]
    found = []
    for index, one in enumerate(served):
        after = bisect.bisect_right(starts, one.ask.at)
        left = 0.0
        if after and after <= index:
            elapsed = one.ask.at - starts[after - 1]
            if elapsed < served[after - 1].ask.render_seconds:
                left = max(expected[after - 1] - elapsed, 0.0)
        found.append((one, left + total[index + 1] - total[min(after, index)]))
    return found


def percentile(values: list[float], share: float) -> float:
    """Return a percentile of values, of which there may be none."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)] if values else math.nan


def main() -> None:
    """Print the tables of docs/queue.md."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--orders", nargs="*", choices=ORDERS, default=list(ORDERS))
    parser.add_argument("--slots", type=int, default=1, help="clips that are rendered beside each other")
    parser.add_argument("--slowdown", type=float, default=0.3, help="what each further clip costs the others")
    arguments = parser.parse_args()
    asks = day(arguments.jobs, arguments.seed)
    for name in arguments.orders:
        view = ORDERS[name]
        with tempfile.TemporaryDirectory() as folder:
            served, refused = asyncio.run(
                simulate(asks, view, Path(folder), arguments.slots, arguments.slowdown)
            )
        print(f"\n{name}: {len(served):,} served, {refused:,} refused")
        print(accuracy("by the queue alone", [(o.by_queue, o.took) for o in served if o.by_queue]))
        shown = [one for one in served if one.predicted]
        print(accuracy("as shown", [(o.predicted, o.took) for o in shown if o.predicted]))
        for group, chosen in {
            "first clips of members": [o for o in shown if o.first and o.ask.user_id < 90_000],
            "further clips of members": [o for o in shown if not o.first and o.ask.user_id < 90_000],
            "the raid": [o for o in shown if o.ask.user_id >= 90_000],
        }.items():
            print(accuracy(f"as shown, {group}", [(o.predicted, o.took) for o in chosen if o.predicted]))
        if arguments.slots == 1:
            known = [(clip, seconds) for clip, seconds in foreseen(served) if clip.predicted]
            errors = [abs(seconds - clip.took) / clip.took for clip, seconds in known]
            print(f"with all later requests known: off by {statistics.median(errors):.1%}")
        for what, field in {"until the claim": "waited", "until delivery": "took"}.items():
            print(f"seconds {what}: median, 95 %, 99 %, longest")
            for group, found in groups(served, attrgetter(field)).items():
                quantiles = [percentile(found, share) for share in (0.5, 0.95, 0.99, 1.0)]
                figures = " | ".join(f"{quantile:,.0f}" for quantile in quantiles)
                print(f"| {group} | {name} | {len(found):,} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
