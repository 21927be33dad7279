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


class BriefNetworkErrors(logging.Filter):
    """Shortens discord.py's tracebacks of a lost connection to one line: every attempt repeats them."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and record.name.startswith("discord") and _is_network_error(error):
            record.msg = f"{record.getMessage()} ({type(error).__name__}: {error})"
            record.args, record.exc_info, record.exc_text = (), None, None
        return True


def _is_network_error(error: BaseException) -> bool:
    """Tell by the class alone: neither aiohttp nor discord is imported for a command that needs none."""
    library = type(error).__module__.partition(".")[0] in ("aiohttp", "discord")
    return library or isinstance(error, OSError)


def configure(level: str) -> None:
    """Send the log to stderr; libraries speak up from warnings on unless the level is debug."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redacting())
    if level != "debug":
        handler.addFilter(BriefNetworkErrors())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    for name in ("bot", "cogs"):
        logging.getLogger(name).setLevel(level.upper())
