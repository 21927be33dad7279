"""Logging: one line an event on stderr, secrets taken out before a line is written."""

from __future__ import annotations

import logging
import sys

from bot.redact import redact


class Redacting(logging.Formatter):
    """Formats a record, traceback included, and redacts the whole."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without secrets."""
        return redact(super().format(record))


def configure(level: str) -> None:
    """Send the log to stderr; libraries speak up from warnings on unless the level is debug."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redacting())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    for name in ("bot", "cogs"):
        logging.getLogger(name).setLevel(level.upper())
