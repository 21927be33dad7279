"""Several members' clips beside each other in one engine, through kills and cancellations."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import torch

from sandbox.actors import Actor, text_of
from sandbox.model import Message
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import carries_clip, clips_in, eventually, pressed, private, queued, text_in
from tests.e2e.conftest import running
from tests.engines.checkpoint_files import TINY, write_musicgen
from tests.program import ENGINES

NAMES = ("alice", "bob", "carol")
SIZES = TINY | {"hidden": 256, "middle": 1024, "layer": 12, "heads": 4}
"""Large enough for a clip of half a minute to take a moment on any machine."""


@pytest.fixture
async def bot(description: Spec, tmp_path: Path) -> AsyncIterator[BotProcess]:
    model = write_musicgen(tmp_path / "musicgen", sizes=SIZES, dtype=torch.float16)
    environment = {ENGINES: "bot.engines.registry", "MODELS": str(model)}
    async with running(description, tmp_path, **environment) as bot:
        host = bot.sandbox.member("host")
        await bot.sandbox.until(lambda: "admin" in host.commands(), 60, "the console")
        yield bot


def query(bot: BotProcess, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as connection:
        return connection.execute(statement).fetchall()


async def all_rendering(bot: BotProcess) -> list[tuple[Actor, Message]]:
    """Have each member ask for half a minute; return who asked, with the answers, once all are rendered."""
    host = bot.sandbox.member("host")
    await private(await host.slash("admin pause"))
    asked = []
    for name in NAMES:
        member = bot.sandbox.member(name)
        asked.append((member, await queued(member, f"a tune for {name}", seconds=30)))
    await private(await host.slash("admin resume"))
    running = "SELECT count(*) FROM jobs WHERE state = 'running'"
    await eventually(lambda: query(bot, running) == [(len(NAMES),)], "all of them at once")
    return asked


async def one_clip_each(bot: BotProcess, asked: list[tuple[Actor, Message]]) -> None:
    for _, message in asked:
        await carries_clip(message, bot.sandbox)
    assert len(clips_in(bot.sandbox.channel("music"))) == len(asked)


async def test_members_are_rendered_beside_each_other_and_told_so(bot: BotProcess) -> None:
    asked = await all_rendering(bot)
    await one_clip_each(bot, asked)
    facts = [json.loads(str(row)) for (row,) in query(bot, "SELECT facts FROM clips")]
    assert [one["slots"] for one in facts] == [8, 8, 8]
    assert max(one["concurrency"] for one in facts) > 1.5
    member, message = asked[1]
    details = text_of(await private(await pressed(member, message, "Details")))
    assert "beside" in details


async def test_each_lines_ids_are_those_of_its_own_job(bot: BotProcess) -> None:
    await one_clip_each(bot, await all_rendering(bot))
    for number in range(1, len(NAMES) + 1):
        line = (await bot.printed(rf"job {number} is rendered")).string
        assert f" job_id={number} " in line
        assert "job_ids" not in line


@pytest.mark.parametrize("whole", [True, False], ids=["the bot", "its worker"])
async def test_a_kill_while_clips_are_beside_each_other_costs_none(whole: bool, bot: BotProcess) -> None:
    asked = await all_rendering(bot)
    if whole:
        await bot.kill()
        await bot.restart()
    else:
        os.kill(bot.worker_pid(), signal.SIGKILL)
    await one_clip_each(bot, asked)
    attempts = query(bot, "SELECT attempts FROM jobs ORDER BY id")
    assert max(attempts) <= (1,), "at most one of them is to blame"


async def test_a_cancelled_clip_leaves_those_beside_it(bot: BotProcess) -> None:
    asked = await all_rendering(bot)
    member, message = asked.pop(1)
    await member.click(message, "Cancel")
    await text_in(message, r"Cancelled", bot.sandbox)
    await one_clip_each(bot, asked)
    states = [("delivered",), ("cancelled",), ("delivered",)]
    await eventually(lambda: query(bot, "SELECT state FROM jobs ORDER BY id") == states, "both delivered")
    await eventually(lambda: not list((bot.folder / "clips").glob("2.*")), "no file of the cancelled clip")
