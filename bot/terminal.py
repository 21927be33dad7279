"""What the command line prints: two consoles, JSON and the report of a crash, all of it redacted."""

from __future__ import annotations

import json
import os
import sys
import traceback
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bot.redact import RedactingStream, redact, redact_all

if TYPE_CHECKING:
    import rich.console
    import rich.progress


class Console:
    """A console that redacts texts before they are folded to the terminal's width.

    options: rich's. rich is imported by the first use: it takes 3 MB, and the running bot prints without it.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options

    @cached_property
    def rich(self) -> rich.console.Console:
        """The console of rich, which redacts nothing: for bars, whose texts are constant."""
        from rich.console import Console as RichConsole

        return RichConsole(**self._options)

    @property
    def is_terminal(self) -> bool:
        """Whether a terminal shows what is printed, and neither a pipe nor a file takes it."""
        return self.rich.is_terminal

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; texts are redacted, other renderables have to be made of redacted texts."""
        self.rich.print(*(redact(item) if isinstance(item, str) else item for item in objects), **options)

    def print_plain(self, text: str, style: str | None = None) -> None:
        """Print a text without markup and without folding it."""
        from rich.markup import escape

        self.print(escape(text), style=style, soft_wrap=True)


out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def wide(console: Console) -> Console:
    """Return the console, or one of 160 columns for a pipe or a file, where tables should not fold."""
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(highlight=False, width=160)


def percentage_bar(*, quiet: bool) -> rich.progress.Progress:
    """Return a bar with a percentage and the time on a terminal's stderr, nothing if `quiet`."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %")
    hidden = quiet or not err.is_terminal
    return Progress(*columns, TimeElapsedColumn(), console=err.rich, transient=True, disable=hidden)


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
