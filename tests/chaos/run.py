"""The chaos run: rounds of random requests, faults and a kill each, then everything has to be right.

`python -m tests.chaos --seed 1 --kills 200` runs by hand; the same seed makes the same plan.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from sandbox.faults import Fault
from tests.chaos.faults import OPERATIONS, random_faults
from tests.chaos.invariants import log_violations, violations
from tests.chaos.windows import WINDOWS, Window
from tests.chaos.world import WAIT, Chaos, NotReachedError

log = logging.getLogger(__name__)
MIN_FAULTS, MAX_FAULTS = 3, 7
"""Random faults asked for beside a round; not each meets a request."""


@dataclass
class Report:
    """What a run did and what was wrong."""

    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    not_reached: list[str] = field(default_factory=list)
    jobs: int = 0
    duels: int = 0

    def __str__(self) -> str:
        windows = "\n".join(f"  {count:5}  {name}" for name, count in sorted(self.kills.items()))
        kinds = "\n".join(f"  {count:5}  {name}" for name, count in sorted(self.faults.items()))
        return (
            f"{self.kills.total()} kills\n{windows}\n{self.faults.total()} faults that struck\n{kinds}\n"
            f"{self.jobs} jobs, {self.duels} duels\n{len(self.not_reached)} rounds missed their window\n"
            + "".join(f"  {words}\n" for words in self.not_reached)
            + f"{len(self.violations)} violations\n"
            + "".join(f"  {words}\n" for words in self.violations)
        )


async def run(folder: Path, seed: int, kills: int, windows: Sequence[Window] = WINDOWS) -> Report:
    """Run until so many kills, each window in turn in a random order."""
    rng, report = Random(seed), Report()
    async with Chaos(folder, rng) as chaos:
        plan: list[Window] = []
        while chaos.kills.total() < kills:
            if not plan:
                plan = rng.sample(list(windows), len(windows))
            await _round(chaos, plan.pop(), report)
            report.kills = chaos.kills
        report.jobs = chaos.query("SELECT count(*) FROM jobs")[0][0]
        report.duels = chaos.query("SELECT count(*) FROM duels")[0][0]
        report.violations += log_violations(chaos.bot.lines, (chaos.sandbox.bot_token,))
    return report


async def _round(chaos: Chaos, window: Window, report: Report) -> None:
    """Bring the bot into a window and kill it, under random faults before and after; then check."""
    first = len(chaos.requests)
    before = random_faults(chaos.sandbox.faults, chaos.rng, chaos.rng.randint(0, 1), OPERATIONS[:1])
    if before:
        # Another request meets the faulty acknowledgement: taken or seen to fail, never left thinking.
        chaos.let_settle.append(await chaos.ask())
    try:
        await chaos.accepted()
        await window(chaos)
    except NotReachedError as error:
        report.not_reached.append(f"{window.__name__}: {error}")
    after = random_faults(
        chaos.sandbox.faults, chaos.rng, chaos.rng.randint(MIN_FAULTS, MAX_FAULTS), OPERATIONS[1:]
    )
    chaos.bot.let_through(10)
    if chaos.bot.process.returncode is not None:
        await chaos.bot.restart()
    wrong = await _unsettled(chaos)
    for kind, fault in (*before, *after):
        report.faults[kind] += fault.struck
        fault.take_back()
    report.faults["held at a window"] += sum(fault.struck for fault in _taken(chaos.faults))
    wrong += violations(chaos, chaos.requests[first:])
    report.violations += [f"after {window.__name__}: {words}" for words in wrong]
    if wrong:
        log.info("%s", chaos.transcript(chaos.requests[first:]))
    log.info("%s, %d kills: %s", window.__name__, chaos.kills.total(), "; ".join(wrong) or "right")
    chaos.sandbox.faults.clear()
    for permit in (chaos.bot.folder / "gate").glob("*"):
        permit.unlink(missing_ok=True)


def _taken(faults: list[Fault]) -> list[Fault]:
    taken = list(faults)
    faults.clear()
    return taken


async def _unsettled(chaos: Chaos) -> list[str]:
    """Wait until no job and no duel is on its way and the outbox is empty; return what does not settle."""

    def waiting() -> list[tuple[object, ...]]:
        return chaos.query(
            # The jobs of a duel settle with it.
            "SELECT 'job', id, state, notified FROM jobs WHERE (state IN ('queued', 'running', 'rendered')"
            " OR (state IN ('failed', 'cancelled') AND notified = 0))"
            " AND NOT EXISTS (SELECT 1 FROM duel_sides WHERE job_id = jobs.id)"
            " UNION ALL SELECT 'duel', id, state, 0 FROM duels"
            " WHERE state IN ('rendering', 'ready', 'closed') OR (state = 'open' AND answer_shown <> 'open')"
        )

    try:
        async with asyncio.timeout(WAIT):
            while waiting():
                await asyncio.sleep(0.1)
    except TimeoutError:
        return [f"stuck for {WAIT:g} s: {waiting()}"]
    # The last edits of old progress follow the record of a delivery.
    await asyncio.sleep(0.5)
    return []
