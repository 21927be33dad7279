"""What becomes of a clip that the worker finishes while the database is locked, or after it was cancelled."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import imageio_ffmpeg
import pytest

from sandbox.spec import Spec
from tests.e2e.clips import carries_clip, clips_in, eventually, made, queued, rendering, text_in
from tests.e2e.conftest import running

_SLOW_FFMPEG = """#!/bin/sh
touch "{gate}/reached"
until [ -e "{gate}/open" ]; do sleep 0.05; done
exec {executable} "$@"
"""


class Encoding:
    """Runs a bot whose ffmpeg waits at a gate: `reached` exists once one does, `open` lets all go on."""

    def __init__(self, description: Spec, folder: Path) -> None:
        self.gate = folder / "ffmpeg-gate"
        self.gate.mkdir()
        self.reached, self.open = self.gate / "reached", self.gate / "open"
        script = folder / "ffmpeg"
        script.write_text(_SLOW_FFMPEG.format(gate=self.gate, executable=imageio_ffmpeg.get_ffmpeg_exe()))
        script.chmod(0o700)
        self.bot = running(description, folder, IMAGEIO_FFMPEG_EXE=str(script))


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a shell script in ffmpeg's place")


async def test_a_result_is_recorded_once_the_database_takes_it(description: Spec, tmp_path: Path) -> None:
    encoding = Encoding(description, tmp_path)
    async with encoding.bot as bot:
        message = await queued(bot.sandbox.member("alice"), "tune")
        await eventually(encoding.reached.exists, "the encoding")
        # From here on the worker says nothing that is recorded but that the first clip is rendered.
        await rendering(bot.sandbox.member("bob"), "behind it")
        with closing(sqlite3.connect(bot.folder / "antiphon.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            encoding.open.touch()
            await bot.printed("Rendered could not be recorded, attempt 1")
            other.execute("ROLLBACK")
        await carries_clip(message, bot.sandbox)
        assert clips_in(bot.sandbox.channel("music")) == [message]


async def test_a_clip_cancelled_while_it_is_encoded_leaves_no_file(description: Spec, tmp_path: Path) -> None:
    encoding = Encoding(description, tmp_path)
    async with encoding.bot as bot:
        alice, bob = bot.sandbox.member("alice"), bot.sandbox.member("bob")
        message = await queued(alice, "never mind")
        await eventually(encoding.reached.exists, "the encoding")
        await alice.click(message, "Cancel")
        await text_in(message, "Cancelled", bot.sandbox)
        encoding.open.touch()
        # The worker finishes one clip after the other.
        await made(bob, "the next one")
        assert message.attachments == []
        files = sorted(path.name for path in (bot.folder / "clips").iterdir() if path.is_file())
        assert files == ["00000002.mp3", "00000002.png"]
