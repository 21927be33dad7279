"""The bot in a Discord of its own: starts the sandbox, and the bot against it as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import webbrowser
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

from bot.errors import SetupError
from bot.recipe import Mode

DEMO = (
    (Mode.DIFFUSION, "campfire folk with harmonica and acoustic guitar", 4),
    (Mode.AR, "funky slap bass and electric piano groove", 11),
)
"""Mode, prompt and seed of what a demo member asks for at the very first start; the last is seen first.

Chosen among twelve prompts with eight seeds each, by the share of notes in one scale, the first sounding
moment, the longest silence and evenness of loudness; `tests/engines/score/test_demo.py` measures them again.
"""

WELCOME: dict[str, Any] = {
    "title": "Welcome to Antiphon",
    "text": "Write what you want to hear, and a clip of music comes back within seconds.",
    "hint": "Type /music, then what you want to hear",
    "starters": [
        {"label": "Make a clip", "command": "music", "options": {"prompt": "slow piano in the rain"}},
        {"label": "Start a duel", "command": "duel start", "options": {"prompt": "slow piano in the rain"}},
        {"label": "Browse presets", "command": "preset browse", "options": {}},
    ],
    "start": "make run (or antiphon sandbox)",
}
"""What the page greets with; the form is that of `sandbox.backend.Options`."""

Say = Callable[[str], None]


class Member(Protocol):
    """A user of a local Discord."""

    def commands(self) -> list[str]:
        """Return the names of the commands that are offered."""

    async def slash(self, name: str, /, **options: Any) -> Any:
        """Use a command."""


class LocalDiscord(Protocol):
    """The interface of a Discord on this machine; `sandbox.server.Sandbox` implements it.

    The command line passes it in, because the package `bot` imports no Discord of its own making.
    """

    port: int

    @property
    def page_url(self) -> str:
        """The address of the page on which people act."""

    @property
    def api_url(self) -> str:
        """What stands for https://discord.com/api/v10."""

    @property
    def bot_token(self) -> str:
        """The token to log in with."""

    def bot_process(self, *, runs: bool) -> None:
        """Note whether the bot's process runs, which the page tells."""

    async def ready(self) -> None:
        """Return once the bot is online."""

    def member(self, username: str, /) -> Member:
        """Return one of the people."""

    async def until(self, condition: Callable[[], bool], timeout: float, what: str, /) -> bool:
        """Return once `condition` is true; TimeoutError after `timeout` seconds."""


OpenDiscord = Callable[[Path, int], AbstractAsyncContextManager[LocalDiscord]]
"""Opens a local Discord, given its history file and a port; OSError where the port is taken."""


async def run_sandbox(
    open_discord: OpenDiscord,
    refusal: type[Exception],
    folder: Path,
    port: int,
    *,
    open_page: bool,
    program: list[str],
    say: Say,
) -> int:
    """Run until the bot ends or this is cancelled; return the bot's exit code.

    refusal: the error of an act that the local Discord refuses.  folder: for its history and the bot's data.
    port: 0 takes a free one.  program: the command that runs the bot.  Raises SetupError where the port is
    taken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    history = folder / "discord.sqlite3"
    first_start = not history.exists()
    try:
        opened = open_discord(history, port)
        discord = await opened.__aenter__()
    except OSError as error:
        raise SetupError(
            f"Port {port} cannot be used ({error.strerror}): choose another with --port."
        ) from error
    try:
        for line in _greeting(discord, folder):
            say(line)
        bot = await asyncio.create_subprocess_exec(
            *program,
            env=_environment(discord, folder),
            # Ctrl-C in a terminal reaches every process there; the bot is ended from here, once.
            preexec_fn=None if sys.platform == "win32" else _ignore_interrupt,
        )
        discord.bot_process(runs=True)
        try:
            await _until_online(discord, bot)
            if open_page and not over_ssh():
                await asyncio.to_thread(webbrowser.open, discord.page_url)
            if first_start:
                await _demo(discord, refusal)
            return await bot.wait()
        finally:
            await _end(bot)
            discord.bot_process(runs=False)
    finally:
        await opened.__aexit__(None, None, None)


def _greeting(discord: LocalDiscord, folder: Path) -> list[str]:
    """What a newcomer has to know, one entry a line."""
    lines = [
        "Antiphon's sandbox: a Discord of your own, on this computer alone.",
        f"  Open in a browser   {discord.page_url}",
        "  Stop                Ctrl-C; the next start has the same address",
        f"  Kept in             {folder} (delete that folder to start afresh)",
    ]
    if over_ssh():
        forward = f"ssh -L {discord.port}:127.0.0.1:{discord.port} {os.uname().nodename}"
        lines.insert(2, f"  From your computer  {forward}")
    return lines


def over_ssh() -> bool:
    """Tell whether the process was started over SSH."""
    return "SSH_CONNECTION" in os.environ


def bot_program() -> list[str]:
    """Return the command that runs the bot."""
    return [sys.executable, "-m", "bot", "run"]


def _ignore_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _environment(discord: LocalDiscord, folder: Path) -> dict[str, str]:
    # Its people can be as young as the folder, whatever .env asks of accounts on a public Discord.
    any_age = {"ACCOUNT_DAYS": "0", "DUEL_ACCOUNT_DAYS": "0"}
    return (
        any_age
        | os.environ
        | {
            "DISCORD_API_URL": discord.api_url,
            "DISCORD_TOKEN": discord.bot_token,
            "DATABASE_PATH": str(folder / "antiphon.db"),
            "CLIP_DIR": str(folder / "clips"),
        }
    )


async def _until_online(discord: LocalDiscord, bot: asyncio.subprocess.Process) -> None:
    """Wait for the bot, or for its end, whose reason it has printed."""
    ready, ended = asyncio.create_task(discord.ready()), asyncio.create_task(bot.wait())
    await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
    for task in (ready, ended):
        task.cancel()
    await asyncio.gather(ready, ended, return_exceptions=True)


async def _demo(discord: LocalDiscord, refusal: type[Exception]) -> None:
    member = discord.member("alice")
    with contextlib.suppress(TimeoutError):
        await discord.until(lambda: "music" in member.commands(), 15.0, "the bot's commands")
        for mode, prompt, seed in DEMO:
            # Where a model is not installed, the answer that says so is the demonstration.
            with contextlib.suppress(refusal):
                await member.slash("music", prompt=prompt, mode=mode.value, seed=seed)


async def _end(bot: asyncio.subprocess.Process, patience: float = 10.0) -> None:
    if bot.returncode is not None:
        return
    bot.terminate()
    try:
        await asyncio.wait_for(bot.wait(), patience)
    except TimeoutError:
        bot.kill()
        await bot.wait()
