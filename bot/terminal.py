"""What the command line prints: two consoles, JSON and the report of a crash, all of it redacted."""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

from rich.console import Console as RichConsole

from bot.redact import RedactingStream, redact, redact_all


class Console(RichConsole):
    """A console that redacts texts before they are folded to the terminal's width."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; texts are redacted, other renderables have to be made of redacted texts."""
        super().print(*(redact(one) if isinstance(one, str) else one for one in objects), **options)


out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def wide(console: Console) -> Console:
    """Return the console, or one of 160 columns for a pipe or a file, where tables should not fold."""
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(highlight=False, width=160)


def guard_streams() -> None:
    """Redact whatever this process still writes to stdout and stderr, a library's warnings included."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, RedactingStream):
            setattr(sys, name, RedactingStream(stream))


def print_line(line: str) -> None:
    """Print one line as it is, without folding or markup, at once."""
    print(redact(line), flush=True)


def print_json(value: Any) -> None:
    """Print a structure as one line of JSON, every text in it redacted."""
    print(json.dumps(redact_all(value), ensure_ascii=False))


def print_crash(error: BaseException) -> None:
    """Print the traceback of an error that nothing raised on purpose, without secrets or local variables."""
    text = "".join(traceback.format_exception(error))
    print(f"{redact(text)}This is a fault in Antiphon: the lines above say where.", file=sys.stderr)
