"""A backup of a running bot's database, restored as `docs/upgrade.md` says."""

from __future__ import annotations

import asyncio
import configparser
import os
import shlex
import signal
import sys
from pathlib import Path

import pytest

from sandbox.actors import Actor, ChannelHandle, text_of
from tests.e2e.bot_process import ROOT, BotProcess
from tests.e2e.clips import WAIT, ask, carries_clip, clip_of, clips_in, eventually, made, private, rendering
from tests.e2e.test_presets import made_and_shared
from tests.e2e.test_restarts import job_state

PROGRAM = [sys.executable, "-m", "tests.program"]


@pytest.fixture
def bot(own_bot: BotProcess) -> BotProcess:
    return own_bot


async def run(bot: BotProcess, *command: str) -> str:
    """Run a command in the bot's folder, with its settings, and return its output."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=bot.folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "DATABASE_PATH": str(bot.folder / "antiphon.db")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


def command_of_the_unit() -> list[str]:
    """Return the words of the backup unit's ExecStart, for the program of this tree."""
    unit = configparser.ConfigParser(interpolation=None)
    unit.read(ROOT / "deploy" / "antiphon-backup.service")
    line = unit["Service"]["ExecStart"].replace("%%", "%")
    assert "/opt/antiphon/.venv/bin/antiphon" in line
    return [
        word.replace("/opt/antiphon/.venv/bin/antiphon", shlex.join(PROGRAM)) for word in shlex.split(line)
    ]


async def backed_up(bot: BotProcess) -> Path:
    """Run what the timer runs, and return the only file that it has left."""
    (bot.folder / "backups").mkdir(exist_ok=True)
    await run(bot, *command_of_the_unit())
    [file] = (bot.folder / "backups").iterdir()
    return file


async def stop(bot: BotProcess) -> None:
    bot.process.send_signal(signal.SIGTERM)
    assert await bot.ended() == 0


def lose_the_database(bot: BotProcess) -> None:
    files = list(bot.folder.glob("antiphon.db*"))
    assert files
    for file in files:
        file.unlink()


async def test_a_backup_of_a_bot_at_work_restores_its_jobs_clips_and_presets(
    bot: BotProcess, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    await backed_up(bot)  # the file of the same weekday, which the next one replaces
    code = await made_and_shared(alice, "Lasting roof")
    open_job = await rendering(bob, "tune")
    file = await backed_up(bot)
    await stop(bot)
    lose_the_database(bot)

    assert "Restored" in await run(bot, *PROGRAM, "db", "restore", str(file))
    assert "no damage found" in await run(bot, *PROGRAM, "db", "check")
    bot.let_through()
    await bot.restart()

    await carries_clip(open_job, bot.sandbox)
    assert len(clips_in(music)) == 2, "the job of the backup is delivered once"
    page = await (await alice.slash("history")).finished(WAIT)
    assert "tin roof" in text_of(page)
    assert "{prompt} on a tin roof" in text_of(
        await private(await bob.slash("preset show", preset=code))
    ).replace("\\", "")
    await clip_of(await ask(bob, "snow", preset=code))


async def test_what_came_after_the_backup_is_kept_beside_the_restored_database(
    bot: BotProcess, alice: Actor, bob: Actor
) -> None:
    await made(alice, "an early tune")
    file = await backed_up(bot)
    await made(bob, "a late tune")
    await stop(bot)

    printed = await run(bot, *PROGRAM, "db", "restore", str(file))
    [kept] = bot.folder.glob("antiphon.db.before-restore-*")
    assert kept.name in printed
    await bot.restart()
    assert "an early tune" in text_of(await (await alice.slash("history")).finished(WAIT))
    assert "a late tune" not in text_of(await (await bob.slash("history")).finished(WAIT))

    # Back to the state before the restore, by the same command.
    await stop(bot)
    await run(bot, *PROGRAM, "db", "restore", str(kept))
    await bot.restart()
    assert "a late tune" in text_of(await (await bob.slash("history")).finished(WAIT))


async def test_a_running_bots_database_is_not_replaced(bot: BotProcess, alice: Actor) -> None:
    await made(alice, "a tune")
    file = await backed_up(bot)
    with pytest.raises(AssertionError, match="Another bot is using"):
        await run(bot, *PROGRAM, "db", "restore", str(file))
    assert "a tune" in text_of(await (await alice.slash("history")).finished(WAIT))


async def test_a_clip_delivered_after_the_backup_is_delivered_again_in_its_place(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await rendering(alice, "tune")
    file = await backed_up(bot)
    bot.let_through()
    await carries_clip(message, bot.sandbox)
    await stop(bot)
    await run(bot, *PROGRAM, "db", "restore", str(file))
    assert job_state(bot) == "running"
    bot.let_through()
    await bot.restart()
    await eventually(lambda: job_state(bot) == "delivered", "the second delivery")
    assert clips_in(music) == [message]
