"""A clip's deletion: in Discord and here, once, whatever is killed, lost or pressed twice in between."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import discord
import pytest

from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.components import walk
from sandbox.model import Message
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import (
    WAIT,
    ask,
    asked_to_delete,
    clips_in,
    delete,
    eventually,
    labels,
    made,
    more,
    private,
    rendering,
    text_in,
)
from tests.e2e.conftest import running

BY_TOKEN = "delete_original_webhook_message"


@pytest.fixture
def bot(own_bot: BotProcess) -> BotProcess:
    return own_bot


def query(bot: BotProcess, sql: str) -> list[Any]:
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as connection:
        return connection.execute(sql).fetchall()


def files_of(bot: BotProcess) -> list[str]:
    """Return the names of all clips' files."""
    return sorted(path.name for path in (bot.folder / "clips").iterdir() if path.is_file())


async def gone(bot: BotProcess, music: ChannelHandle) -> None:
    """Return once nothing is left of any clip, on any side."""
    await bot.sandbox.until(lambda: not clips_in(music) or None, WAIT, "the message to go")
    await eventually(lambda: query(bot, "SELECT 1 FROM clip_deletions") == [], "the deletion to be done")
    assert files_of(bot) == []


async def test_killed_after_the_decision(bot: BotProcess, alice: Actor, music: ChannelHandle) -> None:
    message = await made(alice, "tune")
    held = bot.sandbox.faults.hold(operation=BY_TOKEN, times=None)
    await delete(alice, message)
    await held.until_struck()
    assert message in clips_in(music)
    assert len(query(bot, "SELECT 1 FROM clip_deletions")) == 1
    await bot.kill()
    bot.sandbox.faults.clear()
    await bot.restart()
    await gone(bot, music)


async def test_killed_between_discord_and_the_files(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await made(alice, "tune")
    lost = bot.sandbox.faults.hold(operation=BY_TOKEN, times=None, after_effect=True)
    await delete(alice, message)
    await lost.until_struck()
    await bot.sandbox.until(lambda: not clips_in(music) or None, WAIT, "the message to go")
    assert len(files_of(bot)) == 2
    await bot.kill()
    bot.sandbox.faults.clear()
    await bot.restart()
    await gone(bot, music)


async def test_a_deletion_goes_on_after_its_token_is_over(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await made(alice, "tune")
    held = bot.sandbox.faults.hold(operation=BY_TOKEN, times=None)
    await delete(alice, message)
    await held.until_struck()
    await bot.kill()
    bot.sandbox.faults.clear()
    bot.sandbox.clock.advance(16 * 60)
    await bot.restart()
    await gone(bot, music)


@pytest.mark.parametrize("status", [500, 503])
async def test_a_refusal_that_passes_is_tried_again(
    bot: BotProcess, alice: Actor, music: ChannelHandle, status: int
) -> None:
    message = await made(alice, "tune")
    # More than discord.py tries by itself.
    fault = bot.sandbox.faults.fail(status, operation=BY_TOKEN, times=6)
    await delete(alice, message)
    await gone(bot, music)
    assert fault.struck == 6


async def test_two_moderators_at_once(bot: BotProcess, alice: Actor, music: ChannelHandle) -> None:
    message = await made(alice, "tune")
    held = bot.sandbox.faults.hold(operation=BY_TOKEN, times=None)
    mina, host = bot.sandbox.member("mina"), bot.sandbox.member("host")
    questions = [await asked_to_delete(one, message) for one in (mina, host)]
    first = await mina.click(questions[0], "Delete")
    await held.until_struck()
    second = await host.click(questions[1], "Delete")
    answer = await second.followup(0, WAIT)
    assert "no longer exists" in answer.content or "already deleted" in answer.content
    assert answer.ephemeral_for == second.interaction.user_id
    held.clear()
    await gone(bot, music)
    assert first.followups == []
    assert not [line for line in bot.lines if "Traceback" in line or "broke" in line]


async def test_a_double_click_on_delete_deletes_nothing_and_keep_takes_the_question_away(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    above, below = await made(alice, "above"), await made(alice, "below")
    menu = await more(alice, below)
    [style] = [node["style"] for _, node in walk(menu.components) if node.get("label") == "Delete"]
    assert style == discord.ButtonStyle.secondary.value, "the loudest button deletes"
    clicks = [await alice.click(menu, "Delete"), await alice.click(menu, "Delete")]
    questions = [await one.followup(0, WAIT) for one in clicks]
    assert [one for one in questions if "below" not in one.content] == []
    for question in questions:
        assert question.content.startswith("Delete this clip?")
        assert labels(question) == ["Delete", "Keep"]
    await alice.click(questions[1], "Keep")
    await eventually(lambda: (questions[1].content, labels(questions[1])) == ("Kept.", []), "the answer")
    await alice.click(questions[0], "Delete")
    await eventually(lambda: clips_in(music) == [above], "the deletion")
    await eventually(lambda: (questions[0].content, labels(questions[0])) == ("Deleted.", []), "the answer")


async def test_the_question_about_a_deletion_outlives_a_restart(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    question = await asked_to_delete(alice, await made(alice, "tune"))
    await bot.kill()
    await bot.restart()
    await alice.click(question, "Delete")
    await gone(bot, music)


async def test_many_presses_at_once_delete_one_clip(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    kept = await made(alice, "one that stays")
    message = await made(alice, "one that goes")
    sandbox = bot.sandbox
    actors = [alice, alice, sandbox.member("mina"), sandbox.member("host"), alice]
    questions = [await asked_to_delete(actor, message) for actor in actors]
    presses = zip(actors, questions, strict=True)
    await asyncio.gather(*(actor.click(question, "Delete", wait=False) for actor, question in presses))
    await eventually(lambda: clips_in(music) == [kept], "the deletion")
    await eventually(lambda: query(bot, "SELECT 1 FROM clip_deletions") == [], "its end")
    assert len(files_of(bot)) == 2
    assert not [line for line in bot.lines if "Traceback" in line]


async def test_history_sends_a_clip_again_and_deletes_it(
    bot: BotProcess, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    kept = await made(alice, "the first * [tune](https://example.org)")
    message = await made(alice, "the second tune")
    delivered = "SELECT 1 FROM clips WHERE message_id IS NOT NULL"
    await eventually(lambda: len(query(bot, delivered)) == 2, "the records")
    page = await (await alice.slash("history")).finished(WAIT)
    assert f"/{message.id})" in text_of(page)
    await alice.select(page, "Send again or delete …", [str(clip_id(bot, message))])
    await bot.sandbox.until(lambda: "▸" in text_of(page) or None, WAIT, "the choice")

    # After a restart too: everything that a press needs is in its custom_id.
    await bot.kill()
    await bot.restart()
    again = await private(await alice.click(page, "Send again"))
    assert [a.filename for a in again.attachments if a.filename.endswith(".mp3")] != []
    assert not bob.sees(again)
    await alice.click(page, "Delete")
    await bot.sandbox.until(lambda: "Delete this clip?" in text_of(page) or None, WAIT, "the question")
    assert labels(page) == ["Delete", "Keep"]
    assert message in clips_in(music)
    await alice.click(page, "Keep")
    await bot.sandbox.until(lambda: "Delete this clip?" not in text_of(page) or None, WAIT, "the page again")
    await alice.click(page, "Delete")
    await bot.sandbox.until(lambda: "Keep" in labels(page) or None, WAIT, "the question")
    # At once: the answer to one press takes the button of the other off the page.
    presses = (alice.click(page, "Delete", wait=False) for _ in range(2))
    first, second = await asyncio.gather(*presses)
    await eventually(lambda: again in clips_in(music) and message not in clips_in(music), "the deletion")
    await first.acknowledged()
    assert "deleted" in (await second.followup(0, WAIT)).content or "no longer" in second.followups[0].content
    await bot.sandbox.until(lambda: "second tune" not in text_of(page) or None, WAIT, "the page")
    assert kept in clips_in(music)
    assert query(bot, "SELECT id FROM clips WHERE deleted_at IS NULL") == [(clip_id(bot, kept),)]


def clip_id(bot: BotProcess, message: Message) -> int:
    [(found,)] = query(bot, f"SELECT id FROM clips WHERE message_id = {message.id}")
    return int(found)


async def test_a_clip_that_never_arrived_is_handed_out_in_history(bot: BotProcess, alice: Actor) -> None:
    await made(alice, "tune")
    await eventually(lambda: query(bot, "SELECT state FROM jobs") == [("delivered",)], "the record")
    await bot.kill()
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as connection, connection:
        connection.execute("UPDATE clips SET message_id = NULL")
        connection.execute("UPDATE jobs SET state = 'failed', error = 'The thread_is *locked*.'")
    await bot.restart()
    page = await (await alice.slash("history")).finished(WAIT)
    assert r"not delivered: The thread\_is \*locked\*." in text_of(page)
    await alice.select(page, "Send again or delete …", ["1"])
    await bot.sandbox.until(lambda: "▸" in text_of(page) or None, WAIT, "the choice")
    again = await private(await alice.click(page, "Send again"))
    assert any(a.filename.endswith(".mp3") for a in again.attachments)


async def published(bot: BotProcess, alice: Actor) -> None:
    """Kill the bot where its worker has published a clip's files and it has not recorded them."""
    await rendering(alice, "tune")
    os.kill(bot.process.pid, signal.SIGSTOP)
    bot.let_through()
    await eventually(lambda: files_of(bot) == ["00000001.mp3", "00000001.png"], "the files")
    await bot.kill()
    assert query(bot, "SELECT state FROM jobs") == [("running",)]


async def test_files_published_by_a_job_that_then_fails_go(description: Spec, tmp_path: Path) -> None:
    async with running(description, tmp_path) as bot:
        await published(bot, bot.sandbox.member("alice"))
        # The clip's model is no longer configured, so it cannot be rendered again.
        bot.environment["AR_MODEL"] = "hifi"
        await bot.restart()
        await eventually(lambda: query(bot, "SELECT state FROM jobs") == [("failed",)], "the failure")
        await eventually(lambda: files_of(bot) == [], "the files to go")


async def test_files_published_by_a_job_that_is_then_cancelled_go(bot: BotProcess, alice: Actor) -> None:
    await published(bot, alice)
    await bot.restart()
    await eventually(lambda: query(bot, "SELECT state FROM jobs") == [("running",)], "the second attempt")
    assert len(files_of(bot)) == 2
    await (await alice.slash("cancel")).finished(WAIT)
    await eventually(lambda: files_of(bot) == [], "the files to go")


async def test_two_equal_prompts_are_told_apart_in_cancel(bot: BotProcess, alice: Actor) -> None:
    running_one = await rendering(alice, "in the way")
    first = await (await ask(alice, "same words")).finished(WAIT)
    second = await (await ask(alice, "same words")).finished(WAIT)
    await eventually(lambda: len(query(bot, "SELECT 1 FROM jobs WHERE state = 'queued'")) == 2, "both")
    choices = await alice.autocomplete("cancel", "clip", "same")
    assert [choice["name"] for choice in choices] == [
        "#3 · place 2 · same words",
        "#2 · place 1 · same words",
    ]
    # As a client that sends the name in place of the value.
    done = await (await alice.slash("cancel", clip=choices[1]["name"])).finished(WAIT)
    assert "Cancelled: #2 same words" in done.content
    await text_in(first, "Cancelled", bot.sandbox)
    refused = await (await alice.slash("cancel", clip="٣")).finished(WAIT)
    assert "no waiting clip with that number" in refused.content
    assert "Cancelled" not in text_of(second)
    bot.let_through()
    await bot.sandbox.until(lambda: running_one.attachments or None, WAIT, "the clip")


@pytest.mark.parametrize("promised", [None, 10_000_000])
async def test_a_clip_is_sent_again_smaller_where_the_place_takes_less(
    bot: BotProcess, alice: Actor, music: ChannelHandle, promised: int | None
) -> None:
    message = await made(alice, "tune", seconds=8)
    await eventually(lambda: query(bot, "SELECT state FROM jobs") == [("delivered",)], "the record")
    whole = max(len(bot.sandbox.bytes_of(one)) for one in message.attachments)
    music.upload_limit(whole * 2 // 3, promised)
    page = await (await alice.slash("history")).finished(WAIT)
    await alice.select(page, "Send again or delete …", ["1"])
    await bot.sandbox.until(lambda: "▸" in text_of(page) or None, WAIT, "the choice")
    again = await private(await alice.click(page, "Send again"))
    [mp3] = [one for one in again.attachments if one.filename.endswith(".mp3")]
    assert len(bot.sandbox.bytes_of(mp3)) <= whole * 2 // 3
    assert (bot.folder / "clips" / "00000001.mp3").stat().st_size == whole, "the stored one is as it was"
