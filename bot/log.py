"""Logging through structlog: one event a line on stderr, pretty or as JSON, redacted before it is written.

Modules log with the standard library's loggers. The ids of the job, member and server that a task works for
are bound to it (`bind`, `bound`) and stand in each of its lines, of whatever library. A worker process writes
JSON, which the bot reads and writes again in its own format (`worker_line`).
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bot.redact import redact, redact_all

if TYPE_CHECKING:
    from structlog.typing import EventDict


@contextmanager
def _as_if_missing(*packages: str) -> Iterator[None]:
    """Have imports of packages fail in the block, as if they were not installed."""
    before = {package: sys.modules.get(package) for package in packages}
    sys.modules.update(dict.fromkeys(packages))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for package, module in before.items():
            del sys.modules[package]
            if module is not None:
                sys.modules[package] = module


# Where these are installed, structlog imports them: rich with Pygments, for coloured tracebacks that no line
# here has, 4 MB and 40 ms in the bot and in each worker; greenlet, for a module of structlog's that nothing
# here uses, 1.2 MB.
with _as_if_missing("rich", "greenlet"):
    from structlog import contextvars, processors, stdlib

Format = Literal["pretty", "json"]
IDS = ("worker", "job_id", "job_ids", "duel_id", "member_id", "server_id")
"""The fields that a line has beside its time, level, logger, process and text."""

bind = contextvars.bind_contextvars
"""Add ids to all later lines of this task."""
bound = contextvars.bound_contextvars
"""Add ids to the lines of a block."""


class JobIds(Protocol):
    """A job, or what else knows its own id, its member's and its server's."""

    @property
    def id(self) -> int:
        """The job's number."""

    @property
    def user_id(self) -> int:
        """The member's Discord id."""

    @property
    def guild_id(self) -> int | None:
        """The server's Discord id, None for a direct message."""


def job_fields(job: JobIds) -> dict[str, int]:
    """Return the ids of a job as fields of a line."""
    ids = {"job_id": job.id, "member_id": job.user_id}
    return ids if job.guild_id is None else ids | {"server_id": job.guild_id}


class Redacting(stdlib.ProcessorFormatter):
    """Formats a record, traceback included, and redacts the whole.

    process: the name in the lines of JSON, where they are not a worker's.  ids: more fields, asked for at
    each line.
    """

    def __init__(
        self,
        style: Format = "pretty",
        process: str = "bot",
        ids: Callable[[], Mapping[str, object]] = dict,
    ) -> None:
        def add_ids(_logger: Any, _method: str, event: EventDict) -> EventDict:
            # A line of one job, such as of its finishing, is none of what is rendered beside it.
            return event if "job_id" in event else {**ids(), **event}

        def add_process(_logger: Any, _method: str, event: EventDict) -> EventDict:
            return {"process": "worker" if "worker" in event else process, **event}

        json_style = style == "json"
        time = processors.TimeStamper(fmt="iso" if json_style else "%Y-%m-%d %H:%M:%S", utc=json_style)
        super().__init__(
            foreign_pre_chain=[
                contextvars.merge_contextvars,
                stdlib.ExtraAdder(allow=IDS),
                add_ids,
                stdlib.add_log_level,
                stdlib.add_logger_name,
                time,
            ],
            processors=[
                self.remove_processors_meta,
                processors.format_exc_info,
                # Before it is JSON, in which a secret is escaped, and a replacement might break the quotes.
                _redacted,
                *([add_process, processors.JSONRenderer(ensure_ascii=False)] if json_style else [_pretty]),
            ],
        )
        self._whole = not json_style

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without secrets."""
        line = super().format(record)
        return redact(line) if self._whole else line


def _redacted(_logger: Any, _method: str, event: EventDict) -> EventDict:
    clean: EventDict = redact_all(event)
    return clean


def _pretty(_logger: Any, _method: str, event: EventDict) -> str:
    """Return `time LEVEL   logger: text [ids]`, then the further lines of the text and the traceback."""
    head, *more = str(event.pop("event")).splitlines() or [""]
    fields = [f"{name}={event[name]}" for name in IDS if name in event]
    ids = f" [{' '.join(fields)}]" if fields else ""
    more += [str(event[name]) for name in ("exception", "stack") if event.get(name)]
    first = f"{event['timestamp']} {event['level'].upper():7} {event['logger']}: {head}{ids}"
    return "\n".join([first, *more])


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


def configure(
    level: str,
    style: Format = "pretty",
    process: str = "bot",
    ids: Callable[[], Mapping[str, object]] = dict,
) -> None:
    """Send the log to stderr; libraries speak up from warnings on unless the level is debug.

    process, ids: as of `Redacting`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redacting(style, process, ids))
    if level != "debug":
        handler.addFilter(BriefNetworkErrors())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    logging.captureWarnings(True)
    for name in ("bot", "cogs"):
        logging.getLogger(name).setLevel(level.upper())


def worker_line(line: str) -> tuple[int, str, dict[str, Any]]:
    """Return level, text and ids of a line of a worker's stderr; one that is no event is information."""
    try:
        event = json.loads(line)
        text, level = event["event"], logging.getLevelNamesMapping()[event["level"].upper()]
    except (ValueError, TypeError, KeyError, AttributeError):
        return logging.INFO, line, {}
    ids = {name: event[name] for name in IDS if name in event}
    return level, "\n".join([text, *filter(None, [event.get("exception")])]), ids
