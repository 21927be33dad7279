"""Child processes that run a module of this package on untrusted files, which may crash or hang it.

The bot's ends are `run` and, for JSON, `call`; the module's end is `request`. Nothing heavy is imported.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import struct
import sys
import threading
from collections.abc import Mapping
from typing import Any

from bot.errors import RenderError

log = logging.getLogger(__name__)

MAX_OUTPUT_BYTES = 64 * 2**20
"""More than any module here answers; a process that a file has taken over may not fill the bot's memory."""
_LENGTH = struct.Struct("<Q")


async def run(module: str, data: bytes, seconds: float) -> tuple[int, bytes, bytes]:
    """Give a module its request; return its exit code, standard output and standard error.

    It never sees the bot's token. It ends with its caller's task, and with the bot, even where that is
    killed. Raises TimeoutError after `seconds`.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if name.upper() != "DISCORD_TOKEN"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(seconds):
            _, out, err = await asyncio.gather(
                _feed(process.stdin, data), _read(process.stdout), _read(process.stderr)
            )
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        # Open until here: its end is what tells the module that the bot is gone.
        process.stdin.close()
    assert process.returncode is not None
    return process.returncode, out, err


async def call(module: str, request: Mapping[str, object], seconds: float, *, failed: str, late: str) -> Any:
    """Give a module a JSON object; return the one that it answers.

    Raises RenderError: with the answer's own "error", with `late` after `seconds`, or with `failed` and a
    reference to the log where the process broke.
    """
    try:
        code, out, err = await run(module, json.dumps(request).encode(), seconds)
    except TimeoutError as error:
        raise RenderError(late) from error
    if code:
        log.error("the process %s ended with %s:\n%s", module, code, err.decode(errors="replace"))
        raise RenderError(f"{failed} The owner of the bot finds the reason in the log.")
    answer = json.loads(out)
    if "error" in answer:
        raise RenderError(answer["error"])
    return answer


def request() -> bytes:
    """Return what `run` gave to this process, which from now on ends when the bot does."""
    reading = sys.stdin.buffer
    (length,) = _LENGTH.unpack(reading.read(_LENGTH.size))
    data = reading.read(length)
    threading.Thread(target=_exit_at_end, name="exit", daemon=True).start()
    return data


def _exit_at_end() -> None:
    # The descriptor and not the buffered reader, whose lock would be held at the interpreter's own end.
    with contextlib.suppress(OSError):
        os.read(sys.stdin.fileno(), 1)
    os._exit(1)


async def _feed(stdin: asyncio.StreamWriter, data: bytes) -> None:
    # A process that has ended says why by its exit code.
    with contextlib.suppress(ConnectionError):
        stdin.write(_LENGTH.pack(len(data)) + data)
        await stdin.drain()


async def _read(stream: asyncio.StreamReader) -> bytes:
    """Read to the end, and keep the first MAX_OUTPUT_BYTES."""
    kept = bytearray()
    while piece := await stream.read(1 << 16):
        kept += piece[: MAX_OUTPUT_BYTES - len(kept)]
    return bytes(kept)
