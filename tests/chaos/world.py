"""The bot under chaos: a sandbox, the real bot in a process, and what the database and the channel show."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Self

from sandbox.actors import Actor, Reply, text_of
from sandbox.clock import Clock
from sandbox.components import walk
from sandbox.faults import Fault, Target
from sandbox.limits import Limits
from sandbox.model import Message, State
from sandbox.server import Sandbox
from tests import gate
from tests.chaos.nodes import ChaosCluster
from tests.e2e.bot_process import BotProcess

LOOKING = ("queue", "history", "help", "leaderboard")
"""Commands that show something and change nothing."""
MEMBERS = ("alice", "bob", "carol", "mina", "host")
WAIT = 300.0
"""Real seconds after which a state that was waited for counts as a violation."""
EDIT = "update_original_webhook_message"
POST = "create_message"
EDIT_POSTED = "update_message"
ACKNOWLEDGE = "create_interaction_response"
TOKEN_OVER = 16 * 60
"""Seconds after which an interaction's token is dead (Discord: 15 minutes)."""
NONCE_FORGOTTEN = 3600
STALL_SECONDS = 30
"""The bot's setting: how long a worker may be silent before it is killed."""


class NotReachedError(Exception):
    """A round did not come to the state that it wanted to break; the words say which."""


@dataclass
class Request:
    """One clip or duel that a member asked for: `word` occurs in its prompt alone."""

    word: str
    reply: Reply
    author: Actor


@dataclass
class Chaos:
    """One run: everything random comes from `rng`, so that a seed repeats the same plan."""

    folder: Path
    rng: Random
    workers: int = 1
    cluster: ChaosCluster | None = None
    """The Ray nodes that render, in place of child processes of the bot."""
    kills: Counter[str] = field(default_factory=Counter)
    requests: list[Request] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    bystanders: list[Reply] = field(default_factory=list)
    """Answers to commands and buttons that ask for no clip."""
    let_settle: list[Request] = field(default_factory=list)
    """Requests to be queued or refused before the next kill."""
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def __aenter__(self) -> Self:
        self.sandbox = Sandbox(clock=Clock(paused_at=time.time()), limits=Limits.none())
        self.bot = BotProcess(self.sandbox, self.folder, **self._environment())
        await self.sandbox.__aenter__()
        await self.bot.start()
        await self.sandbox.ready(WAIT)
        await self.sandbox.until(lambda: "music" in self.member().commands(), WAIT, "the commands")
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.bot.kill()
        await self.sandbox.__aexit__(None, None, None)

    def _environment(self) -> dict[str, str]:
        shared = {
            "DUEL_ACCOUNT_DAYS": "0",
            "DUELS_PER_MEMBER": "100",
            "MAX_JOBS_PER_MEMBER": "50",
            "STALL_SECONDS": str(STALL_SECONDS),
        }
        if self.cluster is None:
            return shared | {"DEVICES": ",".join(["cpu"] * self.workers)}
        return shared | self.cluster.settings(self.workers)

    def member(self) -> Actor:
        """Return a random member of the server."""
        return self.sandbox.member(self.rng.choice(MEMBERS))

    async def ask(self, *words: str, author: Actor | None = None, **options: int) -> Request:
        """Use /music with a prompt of these words and one that is unique; return once it is acknowledged."""
        author = author or self.member()
        word = f"n{next(self._numbers)}x"
        prompt = " ".join((*words, word))
        reply = await author.slash("music", {"prompt": prompt, "seconds": 2} | options, wait=False)
        request = Request(word, reply, author)
        self.requests.append(request)
        return request

    async def accepted(self) -> None:
        """Wait until the requests in `let_settle` are queued, or their members know that they are not."""
        for request in self.let_settle:
            await self.until(
                partial(self._is_settled, request),
                f"{request.word} queued or refused",
            )
        self.let_settle.clear()

    async def duel(self) -> Request:
        """Start a duel with a unique prompt."""
        author, word = self.member(), f"n{next(self._numbers)}x"
        reply = await author.slash("duel start", {"prompt": word, "seconds": 2}, wait=False)
        request = Request(word, reply, author)
        self.requests.append(request)
        return request

    async def look_around(self) -> None:
        """Let a random member use a command or press a button that changes nothing."""
        member = self.member()
        shown = [m for m in self.sandbox.channel("music").messages if m.attachments and m.components]
        labels = sorted(_harmless(shown[-1])) if shown else []
        choice = self.rng.choice([*LOOKING, *labels])
        if choice in LOOKING:
            self.bystanders.append(await member.slash(choice, wait=False))
        else:
            self.bystanders.append(await member.click(shown[-1], choice, wait=False))

    async def kill(self, window: str) -> None:
        """Kill the bot as a power cut would, counted under the window that it was in."""
        await self.bot.kill()
        self.kills[window] += 1

    def kill_workers(self, count: int) -> None:
        """Kill so many random worker processes, each counted."""
        for pid in self.rng.sample(self.pids(b"bot.executor.worker"), count):
            os.kill(pid, signal.SIGKILL)
            self.kills["worker, rendering"] += 1

    def pids(self, module: bytes = b"") -> list[int]:
        """Return the bot's processes on this machine, on whatever node: those whose command has a word."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                ours = b"%s=%s" % (gate.FOLDER.encode(), os.fsencode(self.folder / "gate"))
                command, environment = ((process / name).read_bytes() for name in ("cmdline", "environ"))
                if module in command and ours in environment.split(b"\0"):
                    found.append(int(process.name))
        return sorted(found)

    async def killed_when_struck(self, window: str, fault: Fault) -> None:
        """Wait until a fault holds a request of the bot, kill the bot, and let the request's effect be."""
        try:
            await fault.until_struck(timeout=WAIT)
        except TimeoutError:
            raise NotReachedError(f"{window}: {fault} never struck") from None
        await self.kill(window)
        fault.clear()
        self.faults.append(fault)

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return rows of the bot's database."""
        with closing(sqlite3.connect(self.bot.folder / "antiphon.db", timeout=30)) as connection:
            return connection.execute(sql, parameters).fetchall()

    def _is_settled(self, request: Request) -> bool:
        return bool(self.state_of(request)) or request.reply.state in (State.FAILED, State.ANSWERED)

    def state_of(self, request: Request) -> str:
        """Return the state of a request's newest job, or of its duel; empty where there is none."""
        like = f'%{request.word}"%'
        rows = self.query("SELECT state FROM jobs WHERE recipe LIKE ? ORDER BY id DESC LIMIT 1", like)
        return str(rows[0][0]) if rows else ""

    def duel_state(self, request: Request) -> str:
        rows = self.query("SELECT state FROM duels WHERE prompt = ?", request.word)
        return str(rows[0][0]) if rows else ""

    async def until(self, happened: Callable[[], object], what: str) -> None:
        """Return once something is so that only the database or a message shows."""
        try:
            async with asyncio.timeout(WAIT):
                while not happened():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise NotReachedError(what) from None

    def transcript(self, requests: list[Request], lines: int = 25) -> str:
        """Return all messages about some requests and the last lines of the log, to see what went wrong."""
        shown = [_shown(message) for request in requests for message in self.messages(request.word)]
        return "\n".join([*shown, *self.bot.lines[-lines:]])

    def messages(self, word: str) -> list[Message]:
        """Return the channel's messages that say a request's unique word, without answers to bystanders."""
        pattern = re.compile(rf"\b{word}\b")
        asked = {reply.interaction.id for reply in self.bystanders}
        return [
            m
            for m in self.sandbox.channel("music").messages
            if m.interaction_id not in asked and pattern.search(text_of(m))
        ]


def _harmless(message: Message) -> set[str]:
    """Return the labels of a message's buttons that neither ask for a clip, delete one nor end a duel."""
    nodes = [node for _, node in walk(message.components) if "custom_id" in node and not node.get("disabled")]
    return {str(node["label"]) for node in nodes if node.get("label") in ("Details", "A", "B", "Tie")}


def _shown(message: Message) -> str:
    files = [a.filename for a in message.attachments]
    return f"{message.id} {'thinking' if message.loading else ''} {text_of(message)!r} {files}"


def uploads_for(request: Request) -> Callable[[Target], bool]:
    """Return whether an API request uploads the files of a member's request: a clip, or a duel's pair."""
    return lambda target: bool(target.uploads) and request.word in str(target.body)
