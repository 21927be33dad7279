"""Modules of the package that are run to their end in a process of their own, for what they import."""

from __future__ import annotations

import subprocess
import sys

from bot.errors import AntiphonError

REFUSED = 3
"""Exit code of such a module for input that it refuses; the sentence of the refusal is on stderr."""


def run_module(module: str, *arguments: str, error: type[AntiphonError], failure: str) -> None:
    """Run a module with arguments.

    Raises `error`: with the sentence of a refusal, or with `failure`, what else made the module end, and its
    exit code.  failure: a clause, such as "x cannot be converted".
    """
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode == REFUSED:
        raise error(done.stderr.strip())
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it stopped unexpectedly"])[-1]
        raise error(f"{failure}: {last} (exit code {done.returncode}).")
