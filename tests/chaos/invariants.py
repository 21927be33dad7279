"""What has to be true after every round, once the bot runs and everything has settled."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from itertools import pairwise

from sandbox.actors import text_of
from sandbox.components import walk
from sandbox.model import Message
from tests.chaos.world import Chaos, Request

STALE = re.compile(r"[▰▱]{4,}|Place \d+|Next in line|are being made|is being made")
"""Words of progress, which no message may show when nothing is in progress."""
EXPLAINED = (
    "ClientError",
    "ClientConnectorError",
    "ServerDisconnectedError",
    "ClientOSError",
    "ConnectionResetError",
    "DiscordServerError",
    "HTTPException",
    "NotFound",
    "RateLimited",
    "TimeoutError",
    "a broken engine",
    "disk I/O error",
    "File too large",
    "database is locked",
    "The disk for clips is full",
    "MemoryError",
    "CUDA error",
)
"""Last lines of a traceback that a fault of Discord, of the machine or of a model explains."""


def violations(chaos: Chaos, requests: list[Request]) -> list[str]:
    """Return what is wrong with the requests of a round, the database and the files; empty if nothing is."""
    found = []
    for request in requests:
        found += _of_request(chaos, request)
    found += _of_database(chaos)
    found += _of_files(chaos)
    return found


def _of_request(chaos: Chaos, request: Request) -> list[str]:
    messages = chaos.messages(request.word)
    jobs = chaos.query("SELECT id, state, message_id FROM jobs WHERE recipe LIKE ?", f'%{request.word}"%')
    duels = chaos.query("SELECT id, state FROM duels WHERE prompt = ?", request.word)
    answer = request.reply.message
    out = []
    if answer is not None and answer.loading:
        out.append(f"{request.word}: “thinking…” stays; jobs {jobs}, duels {duels}")
    out += [
        f"{request.word}: stale progress: {text_of(message)!r}"
        for message in messages
        if STALE.search(text_of(message)) or any(label.startswith("Cancel") for label in _labels(message))
    ]
    if duels:
        shown = [m for m in messages if any(a.filename == "a.mp3" for a in m.attachments)]
        revealed = [m for m in messages if m.attachments and m not in shown]
        if len(shown) + len(revealed) != 1 and duels[0][1] != "failed":
            out.append(f"{request.word}: the duel is shown {len(shown) + len(revealed)} times ({duels})")
        return out
    clips = [a for m in messages for a in m.attachments if a.filename.endswith(".mp3")]
    deleted = "SELECT count(*) FROM clips WHERE job_id = ? AND deleted_at IS NOT NULL"
    expected = sum(
        state == "delivered" and not chaos.query(deleted, number)[0][0] for number, state, _ in jobs
    )
    if len(clips) != expected:
        out.append(f"{request.word}: {expected} clips of {jobs} are to be seen, and {len(clips)} are")
    for number, state, _ in jobs:
        if state == "failed" and not any("did not work" in text_of(m) for m in messages):
            out.append(f"{request.word}: job {number} failed, and nobody was told")
        # The answer itself is edited as well, where it can be.
        notices = [m for m in messages if "did not work" in text_of(m) and m is not answer]
        if len(notices) > 1:
            out.append(f"{request.word}: the failure of job {number} is told {len(notices)} times")
    return out


def _labels(message: Message) -> set[str]:
    return {str(node.get("label")) for _, node in walk(message.components) if node.get("label")}


def _of_database(chaos: Chaos) -> list[str]:
    with closing(sqlite3.connect(chaos.bot.folder / "antiphon.db", timeout=30)) as connection:
        out = [
            f"integrity: {row[0]}" for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"
        ]
        out += [f"foreign key: {row}" for row in connection.execute("PRAGMA foreign_key_check")]
    return out


def _of_files(chaos: Chaos) -> list[str]:
    """Return files in the clips' folder that no text column of the database names."""
    named: set[str] = set()
    with closing(sqlite3.connect(chaos.bot.folder / "antiphon.db", timeout=30)) as connection:
        tables = [t for (t,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            if table.startswith(("sqlite_", "preset_words", "preset_parts")):
                continue
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                named |= {str(value) for value in row if isinstance(value, str)}
    folder = chaos.bot.folder / "clips"
    return [f"orphan file {p.name}" for p in folder.iterdir() if p.is_file() and p.name not in named]


def log_violations(lines: list[str], secrets: tuple[str, ...]) -> list[str]:
    """Return secrets in the log, and tracebacks that no fault explains, each with the line before it.

    Of a chain of exceptions, the last one is judged.
    """
    out = [f"secret in the log: {line[:80]}" for line in lines for secret in secrets if secret in line]
    logged, last = "", ""
    inside = False

    def judged() -> list[str]:
        unexplained = last and not any(name in last for name in EXPLAINED)
        return [f"unexplained traceback: {last[:160]}, after {logged[:160]}"] if unexplained else []

    for before, line in pairwise(["", *lines]):
        if line.startswith("Traceback"):
            if not before.strip() and last:
                # The next of a chain.
                inside = True
                continue
            out += judged()
            logged, last, inside = before, "", True
        elif inside and re.match(r"[\w.]+(Error|Exception|Exit|Found|Limited|Forbidden)\b", line):
            last, inside = line, False
    return out + judged()
