"""Runs one command under resource limits and kills it when the process that asked for it ends.

Started as `python -I -S supervisor.py`; it imports nothing of the project. Standard input holds a JSON
header on the first line, then `stdin_bytes` bytes for the command, and stays open as long as the command may
run: its end, by close or by the caller's death of whatever kind, kills the command. This works on every
operating system, where a parent-death signal exists on Linux alone. The command inherits standard output and
standard error. Exit code: the command's, 128 + N after signal N, 127 where it cannot be started.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from typing import IO

CANNOT_START = 127
_PIECE_BYTES = 1 << 20
_INHERITED = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR")
"""Environment variables that the command gets: no token is among them."""


def main() -> int:
    """Run the command that standard input describes, and return the exit code."""
    reading = sys.stdin.buffer
    header = json.loads(reading.readline())
    _limit(header["memory_bytes"], header["cpu_seconds"])
    # A file and not a pipe, as some containers have their index at the end; without a name (on Windows
    # deleted on close), so a kill leaves nothing behind.
    with tempfile.TemporaryFile(dir=header["folder"]) as data:
        left = header["stdin_bytes"]
        while left:
            piece = reading.read(min(left, _PIECE_BYTES))
            if not piece:
                return 1
            data.write(piece)
            left -= len(piece)
        data.seek(0)
        try:
            command = subprocess.Popen(header["command"], stdin=data, env=_environment())
        except OSError as error:
            print(error, file=sys.stderr)
            return CANNOT_START
    threading.Thread(target=_kill_at_end, args=(reading, command), daemon=True).start()
    code = command.wait()
    return code if code >= 0 else 128 - code


def _kill_at_end(reading: IO[bytes], command: subprocess.Popen[bytes]) -> None:
    reading.read(1)
    with contextlib.suppress(OSError):
        command.kill()


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def _limit(memory_bytes: int, cpu_seconds: int) -> None:
    """Limit the address space (0: not at all) and the CPU time of this process and its command, on Unix."""
    with contextlib.suppress(ImportError):
        import resource

        limits = {resource.RLIMIT_CPU: cpu_seconds, resource.RLIMIT_CORE: 0}
        if memory_bytes:
            limits[resource.RLIMIT_AS] = memory_bytes
        for limit, value in limits.items():
            # macOS refuses RLIMIT_AS, and a lower hard limit that is set already cannot be raised.
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(limit, (value, value))


if __name__ == "__main__":
    try:
        code = main()
    except OSError as failed:
        print(failed.strerror, file=sys.stderr)
        code = 1
    sys.stderr.flush()
    # At once: the thread that reads standard input may never return.
    os._exit(code)
