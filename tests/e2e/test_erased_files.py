"""What an erasure leaves on the disk: nothing of the member, and everything of everybody else.

By a member's own command, and by `antiphon privacy erase` beside a running bot.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.erasure import request_erasure
from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.spec import Spec
from tests.audio import melody_files as files
from tests.command_line import ROOT
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import clips_in, eventually, made, private, rendering, text_in
from tests.e2e.conftest import running
from tests.e2e.test_privacy import files_of, members_in, query, said_in

WORD = "zanzibar"


@pytest.fixture
async def bot(description: Spec, tmp_path: Path) -> AsyncIterator[BotProcess]:
    """A bot with a model that takes files in every use."""
    async with running(description, tmp_path, MODELS="versatile,some-diffusion") as bot:
        yield bot


def attached(name: str, level: float = 0.5) -> tuple[str, bytes]:
    return name, files.wav(files.sine(level=level))


def digest(file: tuple[str, bytes]) -> str:
    return hashlib.sha256(file[1]).hexdigest()


def stored(bot: BotProcess) -> set[str]:
    """Return the names of the attached files that are kept."""
    return {file.name for file in (bot.folder / "clips" / "melodies").iterdir()}


def holding(bot: BotProcess, word: str) -> list[str]:
    """Return the files below the bot's folder that have a word in them, in any case: rows, logs, tags."""
    return sorted(
        path.name
        for path in bot.folder.rglob("*")
        if path.is_file() and word.encode() in path.read_bytes().lower()
    )


async def erase_by_command_line(bot: BotProcess, user_id: int) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.program", "privacy", "erase", str(user_id), "--yes"),
        cwd=ROOT,
        env=os.environ
        | {
            "DATABASE_PATH": str(bot.folder / "antiphon.db"),
            "CLIP_DIR": str(bot.folder / "clips"),
            "COLUMNS": "200",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode or 0, said.decode()


async def test_attached_files_go_with_their_last_member(
    bot: BotProcess, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    tune, start, shared = attached("tune.wav", 0.3), attached("start.wav", 0.4), attached("both.wav")
    await made(alice, f"{WORD} flute", melody=tune)
    await made(alice, f"{WORD} goes on", source=start, use="continue", seconds=12)
    await made(alice, f"{WORD} covered", source=shared, use="cover")
    await made(bob, "bobs cover", source=shared, use="cover")
    assert stored(bot) == {digest(one) for one in (tune, start, shared)}
    await eventually(
        lambda: len(query(bot, "SELECT 1 FROM jobs WHERE state = 'delivered'")) == 4, "the records"
    )
    assert holding(bot, WORD)

    asked = await private(await alice.slash("privacy erase"))
    assert "Erased" in text_of(await private(await alice.click(asked, "Erase everything")))
    assert files_of(bot) == sorted(["00000004.mp3", "00000004.png", digest(shared)])
    await eventually(lambda: query(bot, "SELECT 1 FROM clip_deletions") == [], "the messages to go")
    assert len(clips_in(music)) == 1
    # Neither in rows that were deleted, nor in an index, the write-ahead log or the tags of a file.
    assert holding(bot, WORD) == []

    asked = await private(await bob.slash("privacy erase"))
    await private(await bob.click(asked, "Erase everything"))
    assert files_of(bot) == []
    assert members_in(bot) == {0}


async def test_the_command_line_erases_beside_the_running_bot(
    bot: BotProcess, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    await made(alice, f"{WORD} flute", melody=attached("tune.wav"))
    await made(bob, "bobs tune")
    await rendering(alice, f"{WORD} in the works")
    await eventually(
        lambda: len(query(bot, "SELECT 1 FROM jobs WHERE state = 'delivered'")) == 2, "the records"
    )
    code, said = await erase_by_command_line(bot, alice.id)
    assert code == 0, said
    assert "the bot is running and erases the member" in said
    assert f"erased member {alice.id}: 1 clip, 2 requests" in said

    assert members_in(bot) == {0, bob.id}
    assert files_of(bot) == ["00000002.mp3", "00000002.png"]
    await eventually(lambda: query(bot, "SELECT 1 FROM clip_deletions") == [], "the messages to go")
    assert len(clips_in(music)) == 1
    assert not [text for text in said_in(music) if WORD in text]
    assert holding(bot, WORD) == []
    # The worker is free again, and the same member can come back.
    await made(alice, "a new start")
    code, said = await erase_by_command_line(bot, 10**17)
    assert (code, said.splitlines()[-1]) == (0, f"erased member {10**17}: nothing was kept")
    assert not [line for line in bot.lines if "Traceback" in line or "broke" in line]


async def test_a_request_that_the_bot_was_killed_before_is_carried_out_at_its_start(
    bot: BotProcess, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    await made(alice, f"{WORD} flute")
    await made(bob, "bobs tune")
    await eventually(
        lambda: len(query(bot, "SELECT 1 FROM jobs WHERE state = 'delivered'")) == 2, "the records"
    )
    await bot.kill()
    request_erasure(bot.folder / "antiphon.db", alice.id, 0)
    await bot.restart()
    await eventually(lambda: alice.id not in members_in(bot), "the erasure")
    await eventually(lambda: len(clips_in(music)) == 1, "the message to go")
    await eventually(lambda: files_of(bot) == ["00000002.mp3", "00000002.png"], "the files to go")


async def test_the_command_line_erases_by_itself_once_the_bot_is_stopped(
    bot: BotProcess, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    message = await made(alice, f"{WORD} flute")
    await text_in(message, WORD, bot.sandbox)
    await eventually(
        lambda: len(query(bot, "SELECT 1 FROM jobs WHERE state = 'delivered'")) == 1, "the record"
    )
    await bot.kill()
    code, said = await erase_by_command_line(bot, alice.id)
    assert code == 0, said
    assert "the bot is running" not in said
    assert members_in(bot) == {0}
    assert files_of(bot) == []
    assert len(clips_in(music)) == 1
    await bot.restart()
    await eventually(lambda: clips_in(music) == [], "the message to go")
