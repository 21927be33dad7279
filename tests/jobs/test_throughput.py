"""The benchmark of several workers, with clips that take a moment."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.scale import throughput


async def test_each_of_two_workers_renders_its_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLEEP_SECONDS", "0.1")
    assert await throughput(tmp_path, workers=2, clips=2, devices="cpu,cpu") > 0
