"""A short chaos run, seeded. The long one: `make chaos`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import windows
from tests.chaos.run import run

WINDOWS = (
    windows.rendered_unrecorded,
    windows.sent_unrecorded_then_expired,
    windows.late_unrecorded_nonce_forgotten,
    windows.late_failure_unrecorded,
    windows.duel_posted_unrecorded,
    windows.deleted_unrecorded,
)
"""Windows with the most to get wrong; tests/e2e has each of the others as a scenario of its own."""


@pytest.mark.timeout(900)
async def test_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    report = await run(tmp_path, seed=7, kills=len(WINDOWS), windows=WINDOWS)
    print(report)
    assert report.violations == []
    assert report.not_reached == []
    assert len(report.kills) == len(WINDOWS)
    assert report.faults.total() >= 2 * len(WINDOWS)
