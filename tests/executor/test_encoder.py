"""The real worker with an ffmpeg that is missing, fails or hangs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.config import Settings
from bot.executor.child import ChildExecutor
from bot.executor.link import Died
from bot.executor.protocol import Failed
from bot.recipe import Mode, ModelRef
from tests import gate
from tests.audio.test_ffmpeg import HANG, alive, ended, pid_in
from tests.audio.test_mp3 import converter
from tests.executor.test_child import WorkerHarness


@asynccontextmanager
async def worker_with(
    ffmpeg: str, folder: Path, monkeypatch: pytest.MonkeyPatch, stall_seconds: float = 60
) -> AsyncIterator[WorkerHarness]:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", ffmpeg)
    monkeypatch.setenv(gate.FOLDER, str(folder / "gate"))
    settings = Settings(ar_model="tones", diffusion_model="tones", stall_seconds=stall_seconds)
    (folder / "clips").mkdir()
    executor = ChildExecutor.configured(settings, "tests.tone", warm=ModelRef(Mode.AR, "tones"))
    harness = WorkerHarness(executor, folder / "clips")
    try:
        await harness.ready()
        yield harness
    finally:
        await executor.close()
        await harness.events.aclose()


@pytest.mark.parametrize(
    ("ffmpeg", "said"),
    [("/nowhere/ffmpeg", "ffmpeg.*is missing or cannot be started"), ("/bin/false", "encoder failed")],
)
async def test_one_that_is_missing_or_fails_costs_a_clip_and_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ffmpeg: str, said: str
) -> None:
    async with worker_with(ffmpeg, tmp_path, monkeypatch) as harness:
        for _ in range(2):
            failed = await harness.until(Failed, Died, job=await harness.give("a tune"))
            assert isinstance(failed, Failed)
            assert re.search(said, failed.message), failed.message
        assert list(harness.folder.iterdir()) == []


async def test_one_that_hangs_goes_with_its_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid_file = tmp_path / "pid"
    hanging = converter(tmp_path, HANG.format(str(pid_file)))
    async with worker_with(hanging, tmp_path, monkeypatch, stall_seconds=5) as harness:
        await harness.give("a tune")
        pid = await asyncio.to_thread(pid_in, pid_file)
        assert alive(pid)
        died = await harness.until(Died)
        assert isinstance(died, Died)
        assert "while mastering" in died.reason
        assert await asyncio.to_thread(ended, pid)
