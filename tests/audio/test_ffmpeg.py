"""ffmpeg, or what stands in its place, ends in time and with whoever asked for it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.audio import ffmpeg, mp3
from bot.audio.ffmpeg import FfmpegMissing, Limits
from bot.audio.reencode import reencode
from bot.errors import RenderError
from tests.audio.signals import tone
from tests.audio.test_mp3 import converter

ROOT = Path(__file__).parents[2]
LISTEN = Limits(seconds=60)
HANG = "open({!r}, 'w').write(str(os.getpid())); import time; time.sleep(600)"


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def ended(pid: int, seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def pid_in(file: Path, seconds: float = 60) -> int:
    """Return the process id that the stand-in for ffmpeg wrote."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if file.exists() and (text := file.read_text()):
            return int(text)
        time.sleep(0.02)
    raise AssertionError("nothing took the place of ffmpeg")


def test_it_reads_its_input_and_gives_its_output() -> None:
    wav = (
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x08\0\0\0"
    ) + bytes(8)
    done = ffmpeg.run(["-f", "wav", "-i", "pipe:0", "-f", "s16le", "pipe:1"], wav, None, LISTEN)
    assert (done.code, done.output, done.messages) == (0, bytes(8), "")


def test_its_own_words_are_kept() -> None:
    done = ffmpeg.run(["-f", "wav", "-i", "pipe:0", "-f", "s16le", "pipe:1"], b"no audio", None, LISTEN)
    assert done.code != 0
    assert "Invalid data" in done.messages


def test_output_without_an_end_is_cut() -> None:
    endless = ["-f", "lavfi", "-i", "anoisesrc", "-f", "s16le", "pipe:1"]
    done = ffmpeg.run(endless, b"", None, Limits(seconds=60, output_bytes=100_000))
    assert (done.code, len(done.output)) == (0, 100_000)


def test_one_that_hangs_is_ended_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid_file = tmp_path / "pid"
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", converter(tmp_path, HANG.format(str(pid_file))))
    with pytest.raises(TimeoutError):
        ffmpeg.run([], bytes(3_000_000), tmp_path, Limits(seconds=2))
    assert ended(pid_in(pid_file), 0.5)


def test_memory_is_limited() -> None:
    """ffmpeg 9 with its libraries maps more than 100 MiB."""
    if sys.platform != "linux":
        pytest.skip("address space can be limited on Linux alone")
    done = ffmpeg.run(["-version"], b"", None, Limits(seconds=60, memory_bytes=64 << 20))
    assert done.code != 0


def test_it_sees_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", converter(tmp_path, "print(dict(os.environ))"))
    done = ffmpeg.run([], b"", None, LISTEN)
    assert b"PATH" in done.output
    assert b"hf_secret" not in done.output


def test_no_ffmpeg_at_all_is_told_from_a_failing_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "nothing"))
    with pytest.raises(FfmpegMissing):
        ffmpeg.run([], b"", None, LISTEN)
    with pytest.raises(RenderError, match=r"missing or cannot be started.*make install"):
        mp3.encode(tone(44_100, 1), 44_100, 128, tmp_path)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", converter(tmp_path, "raise SystemExit(1)"))
    assert ffmpeg.run([], b"", None, LISTEN).code == 1
    with pytest.raises(RenderError, match="encoder failed"):
        mp3.encode(tone(44_100, 1), 44_100, 128, tmp_path)


def test_an_encoding_has_a_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid_file = tmp_path / "pid"
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", converter(tmp_path, HANG.format(str(pid_file))))
    monkeypatch.setattr(mp3, "_BASE_SECONDS", 1.0)
    with pytest.raises(RenderError, match="took too long and was stopped"):
        mp3.encode(tone(44_100, 1), 44_100, 128, tmp_path)
    assert ended(pid_in(pid_file), 0.5)


def test_a_killed_caller_leaves_no_ffmpeg_behind(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    program = (
        "from pathlib import Path; from bot.audio import mp3; from tests.audio.signals import tone;"
        f"mp3.encode(tone(44_100, 1), 44_100, 128, Path({str(tmp_path)!r}))"
    )
    caller = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"IMAGEIO_FFMPEG_EXE": converter(tmp_path, HANG.format(str(pid_file)))},
    )
    pid = pid_in(pid_file)
    assert alive(pid)
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    assert ended(pid)


async def test_a_cancelled_child_leaves_no_ffmpeg_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bot gives up a child process, and the ffmpeg under it goes with it."""
    pid_file = tmp_path / "pid"
    clip = mp3.encode(tone(44_100, 1), 44_100, 128, tmp_path)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", converter(tmp_path, HANG.format(str(pid_file))))
    task = asyncio.create_task(reencode(clip, 9000))
    pid = await asyncio.to_thread(pid_in, pid_file)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(ended, pid)


def test_a_child_ends_with_a_killed_bot(tmp_path: Path) -> None:
    """And the ffmpeg under it: nobody is left to tell them to."""
    pid_file = tmp_path / "pid"
    clip = mp3.encode(tone(44_100, 1), 44_100, 128, tmp_path)
    program = (
        "import asyncio; from pathlib import Path; from bot.audio.reencode import reencode;"
        f"asyncio.run(reencode(Path({str(clip)!r}), 9000))"
    )
    bot = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"IMAGEIO_FFMPEG_EXE": converter(tmp_path, HANG.format(str(pid_file)))},
    )
    pid = pid_in(pid_file)
    [module] = [int(pid) for pid in Path(f"/proc/{bot.pid}/task/{bot.pid}/children").read_text().split()]
    assert b"bot.audio.smaller" in Path(f"/proc/{module}/cmdline").read_bytes()
    bot.kill()
    bot.wait()
    assert ended(module)
    assert ended(pid)
