"""An interaction whose acknowledgement or refusal met trouble: the member still gets an answer."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from sandbox.actors import Actor, ChannelHandle, NoAnswerError, text_of
from sandbox.model import Message
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import WAIT, ask, carries_clip, clip_of, eventually, made, private, queued

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACKNOWLEDGE = "create_interaction_response"
EDIT = "update_original_webhook_message"


def newest_job(bot: BotProcess, columns: str) -> tuple[Any, ...]:
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as connection:
        row: tuple[Any, ...] = connection.execute(f"SELECT {columns} FROM jobs ORDER BY id DESC").fetchone()
    return row


async def test_a_lost_answer_to_the_acknowledgement_took_effect(bot: BotProcess, alice: Actor) -> None:
    bot.sandbox.faults.lose_answer(operation=ACKNOWLEDGE)
    message = await clip_of(await ask(alice, "a lost answer"))
    assert "a lost answer" in text_of(message)
    assert not any("a lost answer" in line and "Traceback" in line for line in bot.lines)


async def test_every_answer_to_the_acknowledgement_lost(bot: BotProcess, alice: Actor) -> None:
    lost = bot.sandbox.faults.lose_answer(times=4, operation=ACKNOWLEDGE)
    message = await clip_of(await ask(alice, "all answers lost"))
    assert "all answers lost" in text_of(message)
    assert lost.struck > 1
    lost.clear()


async def test_an_acknowledgement_that_failed_once_is_made_again(bot: BotProcess, alice: Actor) -> None:
    bot.sandbox.faults.fail(502, operation=ACKNOWLEDGE)
    assert (await made(alice, "a bad gateway")).attachments


async def test_a_private_answer_after_a_lost_acknowledgement(bot: BotProcess, alice: Actor) -> None:
    bot.sandbox.faults.lose_answer(operation=ACKNOWLEDGE)
    answer = await private(await alice.slash("queue"))
    assert "next clip starts at once" in text_of(answer)


async def test_a_late_acknowledgement_queues_nothing(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    late = bot.sandbox.faults.delay(3.5, operation=ACKNOWLEDGE)
    before = newest_job(bot, "id")
    reply = await alice.slash("music", {"prompt": "too late", "seconds": 2}, wait=False)
    await late.until_struck()
    bot.sandbox.clock.advance(4)
    with pytest.raises(NoAnswerError):
        await reply.acknowledged(WAIT)
    await made(alice, "after it")
    assert newest_job(bot, "id") == (before[0] + 1,)


async def test_the_answer_is_known_before_any_progress(bot: BotProcess, alice: Actor) -> None:
    held = bot.sandbox.faults.hold(times=None, operation=EDIT)
    reply = await ask(alice, "held known")
    await eventually(lambda: newest_job(bot, "recipe")[0].count("held known"), "the job")
    answer_id, interaction_id = newest_job(bot, "answer_id, interaction_id")
    assert reply.message is not None
    assert (answer_id, interaction_id) == (reply.message.id, reply.interaction.id)
    assert reply.message.loading
    await held.until_struck()
    held.clear()
    bot.let_through()
    await bot.sandbox.until(lambda: (reply.message and reply.message.attachments) or None, WAIT, "the clip")


async def test_a_refusal_whose_answer_is_lost_is_said_again(bot: BotProcess, alice: Actor) -> None:
    bot.sandbox.faults.lose_answer(operation=ACKNOWLEDGE)
    reply = await ask(alice, "   ")
    answer = await private(reply)
    assert "empty" in text_of(answer)
    await made(alice, "time for a second one")
    assert [m for m in (reply.message, *reply.followups) if m] == [answer]
    assert_no_stray_traceback(bot)


async def test_a_private_refusal_after_thinking_survives_a_cut(bot: BotProcess, alice: Actor) -> None:
    bot.sandbox.faults.lose_answer(operation=EDIT)
    answer = await private(await alice.slash("cancel"))
    assert "You have no clip waiting" in text_of(answer)
    assert_no_stray_traceback(bot)


async def test_a_public_refusal_after_thinking_survives_a_cut(bot: BotProcess, alice: Actor) -> None:
    bot.sandbox.faults.lose_answer(operation="delete_original_webhook_message")
    bot.sandbox.faults.fail(503, operation="execute_webhook")
    reply = await alice.slash("preset use", preset="no such preset", prompt="x")
    answer = await reply.followup(0, WAIT)
    assert answer.ephemeral_for == alice.id
    assert reply.message is None
    assert_no_stray_traceback(bot)


async def test_a_limit_is_refused_without_a_public_thought(bot: BotProcess, alice: Actor) -> None:
    carol = bot.sandbox.member("carol")
    waiting: list[Message] = [await queued(carol, f"held {n}") for n in range(5)]
    reply = await carol.slash("music", {"prompt": "one too many", "seconds": 2})
    answer = await reply.finished(WAIT)
    assert "You already have 5 clips" in text_of(answer)
    assert answer.ephemeral_for == carol.id
    assert reply.followups == [], "the refusal is the first answer"
    bot.let_through(len(waiting))
    for message in waiting:
        await carries_clip(message, bot.sandbox)


def assert_no_stray_traceback(bot: BotProcess) -> None:
    assert not [line for line in bot.lines if "was never retrieved" in line]
