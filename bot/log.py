"""Logging: one line an event on stderr, secrets taken out before a line is written."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable

_TOKEN_IN_PATH = re.compile(r"(/(?:webhooks|interactions)/\d+/)[\w.~-]+")
"""An interaction's token is part of the addresses that answer it, and those stand in error messages."""


class Redacting(logging.Formatter):
    """Formats a record, traceback included, and hides every known secret and interaction token in it."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%d %H:%M:%S")
        self._secrets = [secret for secret in secrets if secret]

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without secrets."""
        text = _TOKEN_IN_PATH.sub(r"\1[token]", super().format(record))
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return text


def configure(level: str, secrets: Iterable[str]) -> None:
    """Send the log to stderr; libraries speak up from warnings on unless the level is debug."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redacting(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    for name in ("bot", "cogs"):
        logging.getLogger(name).setLevel(level.upper())
