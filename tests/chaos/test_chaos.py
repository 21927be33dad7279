"""Short chaos runs, seeded. The long one: `make chaos`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import incidents, windows
from tests.chaos.nodes import ChaosCluster
from tests.chaos.run import Report, run

WINDOWS = (
    windows.rendered_unrecorded,
    windows.sent_unrecorded_then_expired,
    windows.late_unrecorded_nonce_forgotten,
    windows.late_failure_unrecorded,
    windows.duel_posted_unrecorded,
    windows.worker_killed,
)
"""Windows with the most to get wrong; tests/e2e has each of the others as a scenario of its own."""
INCIDENTS = (
    incidents.gateway_dropped,
    incidents.gateway_invalidated,
    incidents.disk_full,
    incidents.clock_ahead,
    incidents.model_returns_nan,
    incidents.model_ends_its_process,
)
"""The quick ones: a hanging model and a locked database take their time."""


def assert_right(report: Report, rounds: int) -> None:
    print(report)
    assert report.violations == []
    assert report.not_reached == []
    assert report.kills.total() >= rounds
    assert report.faults.total() >= 3 * rounds


@pytest.mark.timeout(900)
async def test_nothing_is_lost_or_doubled_with_two_workers(tmp_path: Path) -> None:
    report = await run(tmp_path, 7, len(WINDOWS), WINDOWS, INCIDENTS, workers=2)
    assert_right(report, len(WINDOWS))
    assert {name.__name__.replace("_", " ") for name in INCIDENTS} <= set(report.faults)


@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")  # Ray's own, about its own defaults
async def test_nothing_is_lost_or_doubled_with_the_nodes_of_a_cluster(tmp_path: Path) -> None:
    async with ChaosCluster.started(tmp_path, 2) as cluster:
        report = await run(tmp_path, 7, 3, windows.CLUSTER_WINDOWS, (), workers=2, cluster=cluster)
    assert_right(report, 2)
    assert report.kills["node, rendering"] == 2
