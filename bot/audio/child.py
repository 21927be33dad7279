"""Runs a module of this room in a process of its own, which a file may crash or hold up."""

from __future__ import annotations

import asyncio
import os
import sys


async def run(module: str, data: bytes, seconds: float) -> tuple[int, bytes, bytes]:
    """Give a module its standard input; return its exit code, standard output and standard error.

    It never sees the bot's token, and ends with its caller's task. Raises TimeoutError after `seconds`.
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
    try:
        out, err = await asyncio.wait_for(process.communicate(data), seconds)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out, err
