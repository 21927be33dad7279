"""The chaos run: rounds of random requests, faults and a kill each, then everything has to be right.

`python -m tests.chaos --seed 1 --kills 200` runs by hand; the same seed makes the same plan.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from sandbox.faults import Fault
from tests.chaos.faults import ACKNOWLEDGE, OPERATIONS, FaultSeries
from tests.chaos.incidents import INCIDENTS, Incident
from tests.chaos.invariants import log_violations, violations
from tests.chaos.nodes import ChaosCluster
from tests.chaos.windows import WINDOWS, Window
from tests.chaos.world import WAIT, Chaos, NotReachedError
from tests.stacks import waits_at

log = logging.getLogger(__name__)
RECOVERY_SECONDS = 4.0
"""Of a start, or after it, in which a further kill of a round falls: the outbox is emptied in them."""
SAYING_SECONDS = 5.0
"""Given to a bot that is asked where its tasks wait."""
ROUND_SECONDS = 1200.0
"""A round that takes longer is stuck, whatever it waits for; a busy machine needs a quarter of it."""
FAULTS = (3, 7)
"""How many random faults of Discord strike after a kill, at least and at most."""


@dataclass
class Report:
    """What a run did and what was wrong."""

    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    not_reached: list[str] = field(default_factory=list)
    jobs: int = 0
    duels: int = 0
    answers: int = 0
    """Commands and buttons of bystanders."""
    tried: set[str] = field(default_factory=set)
    reached: set[str] = field(default_factory=set)
    """Incidents and windows by name: those that had a round, and those that were seen to strike."""

    def __str__(self) -> str:
        windows = "\n".join(f"  {count:5}  {name}" for name, count in sorted(self.kills.items()))
        kinds = "\n".join(f"  {count:5}  {name}" for name, count in sorted(self.faults.items()))
        return (
            f"{self.kills.total()} kills\n{windows}\n{self.faults.total()} faults that struck\n{kinds}\n"
            f"{self.jobs} jobs, {self.duels} duels, {self.answers} looks around\n"
            f"{len(self.not_reached)} rounds missed their window\n"
            + "".join(f"  {words}\n" for words in self.not_reached)
            + f"{len(self.violations)} violations\n"
            + "".join(f"  {words}\n" for words in self.violations)
        )


async def run(
    folder: Path,
    seed: int,
    kills: int,
    windows: Sequence[Window] = WINDOWS,
    incidents: Sequence[Incident] = INCIDENTS,
    *,
    incidents_every: int = 1,
    incidents_a_round: int = 1,
    faults: tuple[int, int] = FAULTS,
    more_kills: int = 0,
    workers: int = 1,
    cluster: ChaosCluster | None = None,
) -> Report:
    """Run until so many kills: each window and each incident in turn, in a random order.

    incidents_every, incidents_a_round: in every so manieth round there are so many.  faults: of Discord after
    a kill, at least and at most.  more_kills: how often the bot is killed again, at most, at random moments
    while it recovers.  workers: the worker processes of the bot.
    """
    rng, report = Random(seed), Report()
    bag: list[str] = []
    async with Chaos(folder, rng, workers=workers, cluster=cluster) as chaos:
        plan: list[Window] = []
        trouble: list[Incident] = []
        for number in itertools.count(1):
            if chaos.kills.total() >= kills:
                break
            plan = plan or rng.sample(list(windows), len(windows))
            struck: list[Incident] = []
            while incidents and number % incidents_every == 0 and len(struck) < incidents_a_round:
                trouble = trouble or rng.sample(list(incidents), len(incidents))
                struck.append(trouble.pop())
            after = FaultSeries.random(chaos.sandbox.faults, rng, rng.randint(*faults), OPERATIONS, bag)
            round_ = asyncio.create_task(_round(chaos, plan.pop(), struck, after, more_kills, report))
            await asyncio.wait({round_}, timeout=ROUND_SECONDS)
            report.kills = chaos.kills
            if not round_.done():
                report.violations.append(await _stuck(chaos, round_))
                break
            round_.result()
        report.violations += [f"{name} never struck" for name in sorted(report.tried - report.reached)]
        report.jobs = chaos.query("SELECT count(*) FROM jobs")[0][0]
        report.duels = chaos.query("SELECT count(*) FROM duels")[0][0]
        report.answers = len(chaos.bystanders)
        report.violations += log_violations(chaos.bot.lines, (chaos.sandbox.bot_token,))
    return report


async def _round(
    chaos: Chaos,
    window: Window,
    incidents: Sequence[Incident],
    after: FaultSeries,
    more_kills: int,
    report: Report,
) -> None:
    """Bring the bot into a window and kill it, under faults before and after; then check."""
    first = len(chaos.requests)
    names = [part.__name__ for part in (*incidents, window)]
    name = ", ".join(names)
    report.tried |= set(names)
    count = chaos.rng.randint(0, 1)
    before = FaultSeries.random(chaos.sandbox.faults, chaos.rng, count, (ACKNOWLEDGE,), [])
    if before.plan:
        # Another request meets the faulty acknowledgement: taken or seen to fail, never left thinking.
        striking = asyncio.create_task(before.run())
        await asyncio.sleep(0)
        chaos.let_settle.append(await chaos.ask())
        await before.finished(striking, WAIT)
        striking.cancel()
    try:
        await chaos.accepted()
        for incident in incidents:
            await incident(chaos)
            report.faults[incident.__name__.replace("_", " ")] += 1
            report.reached.add(incident.__name__)
        await window(chaos)
        report.reached.add(window.__name__)
    except (NotReachedError, TimeoutError) as error:
        report.not_reached.append(f"{name}: {error}")
        log.info("%s was not reached: %s", name, error)
    except AssertionError as error:
        report.violations.append(f"in {name}: {error or traceback.format_exc(limit=-1)}")
    striking = asyncio.create_task(after.run())
    chaos.bot.let_through(10)
    if chaos.bot.process.returncode is not None:
        await chaos.bot.start()
        for _ in range(chaos.rng.randint(0, more_kills)):
            if chaos.rng.random() < 0.5:
                # Else a busy machine spends most of the time on the start alone.
                await _offline(chaos)
            await asyncio.sleep(chaos.rng.uniform(0, RECOVERY_SECONDS))
            await chaos.kill("at a random moment of a recovery")
            await chaos.bot.start()
    wrong = await _offline(chaos)
    await chaos.look_around()
    wrong += await _unsettled(chaos)
    while not wrong and not await after.finished(striking, 0.1):
        # What the round itself sent was not enough for all of its faults.
        chaos.let_settle.append(await chaos.ask())
        try:
            await chaos.accepted()
        except NotReachedError as error:
            wrong.append(f"never {error}")
        wrong += await _unsettled(chaos)
    striking.cancel()
    report.faults += before.struck + after.struck
    report.faults["held at a window"] += sum(fault.struck for fault in _taken(chaos.faults))
    wrong += [f"the fault “{kind}” never struck" for kind in (*before.left, *after.left)]
    wrong += violations(chaos, chaos.requests[first:])
    report.violations += [f"after {name}: {words}" for words in wrong]
    if wrong:
        log.info("%s", chaos.transcript(chaos.requests[first:]))
    log.info("%s, %d kills: %s", name, chaos.kills.total(), "; ".join(wrong) or "right")
    chaos.sandbox.faults.clear()
    for permit in (chaos.bot.folder / "gate").glob("*"):
        permit.unlink(missing_ok=True)


async def _stuck(chaos: Chaos, round_: asyncio.Task[None]) -> str:
    """Say where a round waits, and the bot; end it."""
    if chaos.bot.process.returncode is None and sys.platform != "win32":
        chaos.bot.process.send_signal(signal.SIGUSR1)
        await asyncio.sleep(SAYING_SECONDS)
    where = "\n".join(waits_at(round_))
    log.info("the round waits at\n%s\n%s", where, chaos.transcript(chaos.requests[-5:], lines=200))
    round_.cancel()
    await asyncio.wait({round_})
    return f"a round did not end within {ROUND_SECONDS:g} s; it waits at\n{where}"


def _taken(faults: list[Fault]) -> list[Fault]:
    taken = list(faults)
    faults.clear()
    return taken


async def _offline(chaos: Chaos) -> list[str]:
    """Wait until the bot is connected; return what is wrong where it does not come."""
    try:
        await chaos.sandbox.ready(WAIT)
    except TimeoutError:
        return [f"the bot is not online after {WAIT:g} s"]
    return []


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
