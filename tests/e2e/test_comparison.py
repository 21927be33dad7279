"""/compare: clips through the queue one after another, and one message that becomes the result."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sandbox.actors import Actor, Reply, text_of
from sandbox.model import Message
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import WAIT, eventually, labels, private, text_in
from tests.e2e.conftest import running
from tests.e2e.test_duels import query

pytestmark = pytest.mark.timeout(600)
"""Each clip is measured by a process of its own, which loads libraries: seconds on a busy machine."""

SHORT = {"seeds": 1, "sweep": False}


@pytest.fixture
async def bot(description: Spec, tmp_path: Path) -> AsyncIterator[BotProcess]:
    """A bot whose clips are short: of the usual lengths 10 s alone is left."""
    async with running(description, tmp_path, MAX_SECONDS="10") as bot:
        yield bot


@pytest.fixture
def mina(bot: BotProcess) -> Actor:
    """Manages the server."""
    return bot.sandbox.member("mina")


async def compared(actor: Actor, prompt: str, **options: Any) -> Message:
    return await (await actor.slash("compare", {"prompt": prompt} | SHORT | options)).finished(WAIT)


def attached(message: Message, bot: BotProcess) -> dict[str, bytes]:
    return {one.filename: bot.sandbox.bytes_of(one) for one in message.attachments}


def measured(bot: BotProcess) -> int:
    [(count,)] = query(bot, "SELECT json_array_length(measured) FROM comparisons")
    return int(count)


def more_measured(bot: BotProcess, than: int) -> bool:
    return measured(bot) > than


def state(bot: BotProcess) -> str:
    [(found,)] = query(bot, "SELECT state FROM comparisons")
    return str(found)


async def refused(reply: Reply) -> str:
    return text_of(await private(reply))


async def test_it_goes_on_after_a_kill_and_ends_as_one_message_with_all_figures(
    bot: BotProcess, mina: Actor
) -> None:
    message = await compared(mina, "dark techno with drums")
    await text_in(message, r"▰*▱+ \d of 4 clips", bot.sandbox)
    assert labels(message) == ["Cancel"]
    await eventually(lambda: measured(bot) >= 1, "a measured clip")
    await bot.kill()
    before = measured(bot)
    await bot.restart()
    while (count := measured(bot)) < 4:
        await eventually(partial(more_measured, bot, count), "another measured clip")
    await eventually(lambda: state(bot) == "posted", "the result")
    assert measured(bot) == 4 > before
    assert [embed["title"] for embed in message.embeds] == ["Comparison"]
    assert labels(message) == []
    files = attached(message, bot)
    assert list(files) == ["comparison.png", "comparison.md", "comparison.json"]
    assert files["comparison.png"].startswith(b"\x89PNG")
    found = json.loads(files["comparison.json"])
    assert [one["mode"] for one in found["models"]] == ["ar", "diffusion"]
    for one in found["models"]:
        assert list(one["seconds"]) == ["10"]
        assert 0 <= one["sounds"][0]["follows"] <= 1
    page = files["comparison.md"].decode()
    assert "| follows the prompt |" in page
    assert len([m for m in bot.sandbox.channel("music").messages if m.embeds]) == 1
    # Its clips are nobody's to see: neither in the history, nor on the disk, nor delivered on their own.
    assert query(bot, "SELECT DISTINCT state FROM jobs") == [("delivered",)]
    assert query(bot, "SELECT count(*) FROM clips WHERE deleted_at IS NULL") == [(0,)]
    assert list((bot.folder / "clips").glob("*.mp3")) == []


async def test_one_runs_at_a_time_and_its_cancel_shows_what_was_measured(
    bot: BotProcess, mina: Actor
) -> None:
    message = await compared(mina, "held techno")
    await text_in(message, r"0 of 4 clips", bot.sandbox)
    await eventually(lambda: query(bot, "SELECT state FROM jobs") == [("running",)], "a running clip")
    assert "already runs in this server" in await refused(
        await mina.slash("compare", {"prompt": "another"} | SHORT)
    )
    stranger = await bot.sandbox.member("bob").click(message, "Cancel")
    assert "Only the person who started the comparison" in text_of(await stranger.followup(0, WAIT))
    await mina.click(message, "Cancel")
    await text_in(message, r"It ended after 0 of 4 clips\. It was cancelled\.", bot.sandbox)
    assert "Nothing was measured" in text_of(message)
    await eventually(lambda: state(bot) == "posted", "the record")
    assert query(bot, "SELECT state, notified FROM jobs") == [("cancelled", 1)]


async def test_a_deleted_message_ends_it_and_its_clip(bot: BotProcess, mina: Actor) -> None:
    message = await compared(mina, "held techno")
    await eventually(lambda: query(bot, "SELECT state FROM jobs") == [("running",)], "a running clip")
    await mina.delete(message)
    bot.let_through(1)
    await eventually(lambda: state(bot) == "posted", "the end")
    assert query(bot, "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running', 'rendered')") == [(0,)]
    assert not any("techno" in text_of(one) for one in bot.sandbox.channel("music").messages)


async def test_it_is_for_who_manages_the_server_and_needs_a_prompt(bot: BotProcess, mina: Actor) -> None:
    assert "compare" not in bot.sandbox.member("alice").commands()
    assert "compare" in mina.commands()
    assert "prompt" in await refused(await mina.slash("compare", {"prompt": "\u200b \u200b"} | SHORT))
    assert query(bot, "SELECT count(*) FROM comparisons") == [(0,)]


async def test_it_speaks_the_language_of_its_server(bot: BotProcess, mina: Actor) -> None:
    guild = bot.sandbox.guild()
    await bot.kill()
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as database:
        database.execute("INSERT INTO guild_settings VALUES (?, 0, 'language', '\"de\"')", (guild.id,))
        database.commit()
    await bot.restart()
    message = await compared(mina, "dark techno with drums")
    await text_in(message, r"\d von 4 Clips", bot.sandbox)
    assert labels(message) == ["Abbrechen"]
    await mina.click(message, "Abbrechen")
    await text_in(message, r"Er endete nach \d von 4 Clips\. Er wurde abgebrochen", bot.sandbox)
    assert [embed["title"] for embed in message.embeds] == ["Vergleich"]
