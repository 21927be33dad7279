"""Runs ffmpeg under limits on time, memory and output, in a process that never outlives its caller."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import imageio_ffmpeg

from bot.audio.supervisor import CANNOT_START

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_KILL_SECONDS = 5.0
_PIECE_BYTES = 1 << 20
_MESSAGE_BYTES = 8192


class FfmpegMissing(Exception):
    """There is no ffmpeg, or the file in its place cannot be executed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one run.

    seconds: wall clock, and CPU time on Unix.  memory_bytes: address space on Linux, 0 for no limit.
    output_bytes: how much of standard output is read; at more the run ends early, which is no error.
    """

    seconds: float
    memory_bytes: int = 0
    output_bytes: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Finished:
    """One run that ended: its standard output, exit code (0: success) and the start of its messages."""

    output: bytes
    code: int
    messages: str


def executable() -> str:
    """Return the path of the bundled ffmpeg, or IMAGEIO_FFMPEG_EXE where set. Raises FfmpegMissing."""
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise FfmpegMissing(str(error)) from error


@dataclass(frozen=True, slots=True)
class Pieces:
    """Bytes that come piece by piece, `size` of them together."""

    pieces: Iterable[bytes]
    size: int


def run(arguments: list[str], data: bytes | Pieces, folder: Path | None, limits: Limits) -> Finished:
    """Run ffmpeg with `data` as its standard input, which is a seekable file.

    Pieces are asked for in a thread beside this one; what making them raises is raised here.
    folder: where that file lies, without a name; None for the system's folder of temporary files.
    Raises FfmpegMissing where ffmpeg cannot be started, TimeoutError at the time limit.
    """
    if isinstance(data, bytes):
        data = Pieces([data], len(data))
    command = [executable(), "-nostdin", "-hide_banner", "-v", "error", *arguments]
    header = {
        "command": command,
        "stdin_bytes": data.size,
        "folder": None if folder is None else str(folder),
        "memory_bytes": limits.memory_bytes,
        "cpu_seconds": int(limits.seconds) + 1,
    }
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(_SUPERVISOR)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    messages, failures = bytearray(), list[Exception]()
    feeder = _thread(_feed, process.stdin, json.dumps(header).encode() + b"\n", data.pieces, failures)
    keeper = _thread(_keep, process.stderr, messages)
    timed_out = threading.Event()

    def expire() -> None:
        timed_out.set()
        _end(process, feeder)

    timer = threading.Timer(limits.seconds, expire)
    timer.daemon = True
    timer.start()
    output = bytearray()
    try:
        while len(output) < limits.output_bytes and (piece := process.stdout.read(_PIECE_BYTES)):
            output += piece
        if len(output) < limits.output_bytes:
            process.wait()
            code = process.returncode
        else:
            code = 0
    finally:
        timer.cancel()
        _end(process, feeder)
        timer.join()
        keeper.join()
        process.stdout.close()
        process.stderr.close()
    if failures:
        raise failures[0]
    if timed_out.is_set():
        raise TimeoutError(f"ffmpeg ran for more than {limits.seconds:.0f} s")
    said = messages.decode(errors="replace").strip()
    if code == CANNOT_START:
        raise FfmpegMissing(said)
    return Finished(bytes(output[: limits.output_bytes]), code, said)


def _feed(stdin: IO[bytes], header: bytes, pieces: Iterable[bytes], failures: list[Exception]) -> None:
    # A supervisor that has ended already says why by its exit code.
    with suppress(OSError, ValueError):
        stdin.write(header)
        for piece in _caught(pieces, failures):
            stdin.write(piece)
        stdin.flush()
        if failures:
            stdin.close()


def _caught(pieces: Iterable[bytes], failures: list[Exception]) -> Iterator[bytes]:
    """Yield pieces until making one fails, and note what was raised."""
    try:
        yield from pieces
    except Exception as error:
        failures.append(error)


def _keep(stderr: IO[bytes], messages: bytearray) -> None:
    while piece := stderr.read(_MESSAGE_BYTES):
        messages += piece[: _MESSAGE_BYTES - len(messages)]


def _end(process: subprocess.Popen[bytes], feeder: threading.Thread) -> None:
    """Close the supervisor's standard input, at which it kills ffmpeg and ends."""
    assert process.stdin is not None
    # It starts ffmpeg once it was fed, and closing a pipe waits for its writer.
    feeder.join(_KILL_SECONDS)
    if not feeder.is_alive():
        with suppress(OSError):
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_KILL_SECONDS)
    process.kill()
    process.wait()


def _thread(target: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread
