"""Short chaos runs, seeded. The long one: `make chaos`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.chaos import incidents, windows
from tests.chaos.faults import KINDS
from tests.chaos.invariants import log_violations
from tests.chaos.nodes import ChaosCluster
from tests.chaos.run import Report, run
from tests.chaos.world import Chaos

WINDOWS = (
    windows.late_unrecorded_nonce_forgotten,
    windows.duel_posted_unrecorded,
    windows.worker_killed,
)
"""Windows with the most to get wrong; tests/e2e has each of the others as a test of its own."""
INCIDENTS = (
    incidents.gateway_dropped,
    incidents.gateway_invalidated,
    incidents.disk_full,
    incidents.clock_ahead,
    incidents.model_returns_nan,
    incidents.model_ends_its_process,
)
"""The quick ones: a hanging model and a locked database take their time."""


def assert_right(report: Report) -> None:
    print(report)
    assert report.violations == []
    assert report.not_reached == []


@pytest.mark.timeout(900)
async def test_nothing_is_lost_or_doubled_with_two_workers(tmp_path: Path) -> None:
    # worker_killed kills both workers.
    kills = len(WINDOWS) + 1
    report = await run(tmp_path, 7, kills, WINDOWS, INCIDENTS, incidents_a_round=2, faults=(4, 4), workers=2)
    assert_right(report)
    assert report.reached == {part.__name__ for part in (*WINDOWS, *INCIDENTS)}
    assert set(KINDS) <= set(report.faults)


@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")  # Ray's own, about its own defaults
async def test_nothing_is_lost_or_doubled_with_the_nodes_of_a_cluster(tmp_path: Path) -> None:
    one = (windows.node_and_bot_killed,)
    async with ChaosCluster.started(tmp_path, 2) as cluster:
        report = await run(tmp_path, 7, 2, one, (), faults=(1, 1), workers=2, cluster=cluster)
    assert_right(report)
    assert report.kills["node, rendering"] == 1


async def test_a_round_that_does_not_end_is_a_violation_that_says_where_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def never_ending(chaos: Chaos) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("tests.chaos.run.ROUND_SECONDS", 1)
    caplog.set_level("INFO")
    report = await run(tmp_path, 7, 1, (never_ending,), (), faults=(0, 0))
    [stuck, never] = report.violations
    assert "never_ending" in stuck
    assert never == "never_ending never struck"
    assert "JobService.run" in caplog.text


CHAINED = """
ERROR bot: no picture
Traceback (most recent call last):
AttributeError: 'Out' object has no attribute 'fileno'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
OSError: [Errno 27] File too large
INFO bot: on with it
"""
BROKEN = """
ERROR bot: no clip
Traceback (most recent call last):
KeyError: 'clip'
INFO bot: on with it
"""


def test_a_traceback_is_judged_by_the_last_of_its_chain() -> None:
    assert log_violations(CHAINED.splitlines(), ()) == []
    broken = ["unexplained traceback: KeyError: 'clip', after ERROR bot: no clip"]
    assert log_violations((CHAINED + BROKEN).splitlines(), ()) == broken
    assert log_violations((BROKEN + CHAINED).splitlines(), ()) == broken
