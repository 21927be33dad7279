"""Killed at every point, the bot delivers several takes exactly once, in one message."""

from __future__ import annotations

import pytest

from sandbox.actors import Actor, ChannelHandle, text_of
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import WAIT, ask, carries_clip, clip_of, clips_in, delete, eventually, queued, text_in
from tests.e2e.test_restarts import AFTER_THE_TOKEN, EDIT, POST, carries_files, one_clip
from tests.e2e.test_takes import chosen, mp3s, options_of, states


@pytest.fixture
def bot(own_bot: BotProcess) -> BotProcess:
    return own_bot


async def test_killed_while_one_is_rendered_and_others_wait(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await queued(alice, "held half", takes=3)
    bot.let_through()
    await eventually(lambda: states(bot)[0] == "rendered", "the first take")
    await bot.kill()
    assert not message.attachments
    bot.let_through(2)
    await bot.restart()
    await carries_clip(message, bot.sandbox)
    assert len(mp3s(message)) == 3
    assert (await one_clip(music)) is message


@pytest.mark.parametrize("after_effect", [False, True])
async def test_killed_around_the_sending(
    bot: BotProcess, alice: Actor, music: ChannelHandle, after_effect: bool
) -> None:
    held = bot.sandbox.faults.hold(operation=EDIT, where=carries_files, after_effect=after_effect)
    reply = await ask(alice, "sent", takes=4)
    await held.until_struck()
    message = reply.message
    assert message is not None
    assert states(bot) == ["rendered"] * 4
    await bot.kill()
    held.clear()
    assert len(mp3s(message)) == 4 * after_effect
    await bot.restart()
    await eventually(lambda: states(bot) == ["delivered"] * 4, "the record")
    assert (await one_clip(music)) is message
    assert len(mp3s(message)) == 4


async def test_late_takes_are_posted_once_though_the_nonce_is_forgotten(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    progress = await queued(alice, "held late", takes=2)
    await text_in(progress, "Take 1: ▰+", bot.sandbox)
    bot.sandbox.faults.lose_answer(times=1000, operation=POST)
    bot.sandbox.clock.advance(AFTER_THE_TOKEN)
    bot.let_through(2)
    await bot.sandbox.until(lambda: clips_in(music) or None, WAIT, "the takes")
    await bot.kill()
    bot.sandbox.faults.clear()
    assert states(bot) == ["rendered"] * 2
    bot.advance(3600)
    await bot.restart()
    await eventually(lambda: states(bot) == ["delivered"] * 2, "the record")
    posted = await one_clip(music)
    assert posted is not progress
    assert len(mp3s(posted)) == 2
    await text_in(progress, "This one took a while: http", bot.sandbox)


async def test_the_select_and_its_answer_outlive_the_bot(bot: BotProcess, alice: Actor) -> None:
    message = await clip_of(await ask(alice, "old takes", takes=3, seed=5))
    before = await chosen(alice, message, "Take 3")
    await bot.kill()
    await bot.restart()
    answer = await chosen(alice, message, "Take 2")
    assert "seed 6" in text_of(answer)
    await (await alice.click(before, "Keep only this one")).acknowledged()
    await text_in(before, r"Keep take 3 and delete takes 1 and 2\?", bot.sandbox)
    await bot.kill()
    await bot.restart()
    await alice.click(before, "Delete takes 1 and 2")
    await bot.sandbox.until(lambda: len(mp3s(message)) == 1 or None, WAIT, "the others gone")
    assert mp3s(message) == ["old-takes-take-3.mp3"]
    assert options_of(message) == {}


async def test_killed_while_a_take_is_deleted(bot: BotProcess, alice: Actor) -> None:
    message = await clip_of(await ask(alice, "half deleted", takes=2))
    held = bot.sandbox.faults.hold(
        after_effect=False, where=lambda target: target.message_id == message.id and bool(target.uploads)
    )
    answer = await chosen(alice, message, "Take 1")
    await delete(alice, answer)
    await held.until_struck()
    await bot.kill()
    held.clear()
    assert len(mp3s(message)) == 2
    await bot.restart()
    await bot.sandbox.until(lambda: len(mp3s(message)) == 1 or None, WAIT, "take 1 gone")
    assert mp3s(message) == ["half-deleted-take-2.mp3"]
