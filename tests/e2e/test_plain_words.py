"""Plain words: a mention or a direct message is answered with an offer, and its button makes the clip."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.audio.tags import read_recipe
from sandbox.actors import Actor, ChannelHandle
from sandbox.model import Message
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import WAIT, clip_of, labels, made, mp3_of, private

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def answer_to(bot: BotProcess, sent: Message) -> Message:
    """Return the bot's reply to a message."""

    def reply() -> Message | None:
        found = [one for one in bot.sandbox.world.messages.values() if replies_to(one, sent)]
        return found[0] if found else None

    message: Message = await bot.sandbox.until(reply, WAIT, "a reply")
    return message


def replies_to(message: Message, sent: Message) -> bool:
    reference = message.reference or {}
    return str(reference.get("message_id")) == str(sent.id)


def mention(bot: BotProcess) -> str:
    return f"<@{bot.sandbox.world.application_id}>"


async def test_a_mention_becomes_a_clip_by_one_button(
    bot: BotProcess, alice: Actor, bob: Actor, tmp_path: Path
) -> None:
    offer = await answer_to(bot, await alice.send(f"{mention(bot)} could you play me slow piano, please?"))
    assert offer.content.startswith("Make a clip of “slow piano”?")
    assert labels(offer) == ["Make this clip"]
    assert offer.mentions == []
    refusal = await private(await bob.click(offer, "Make this clip"))
    assert "somebody else's" in refusal.content
    message = await clip_of(await alice.click(offer, "Make this clip"))
    assert read_recipe(mp3_of(message, bot.sandbox, tmp_path)).prompt == "slow piano"


async def test_a_direct_message_needs_no_mention(bot: BotProcess, alice: Actor) -> None:
    room = bot.sandbox.dm("alice")
    offer = await answer_to(bot, await alice.send("make me something happy", at=room))
    assert "“something happy”" in offer.content
    assert (await clip_of(await alice.click(offer, "Make this clip"))).attachments


async def test_a_mention_alone_is_told_how_to_begin(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    hello = await answer_to(bot, await alice.send(mention(bot)))
    assert "Tell me what you want to hear" in hello.content
    [number] = [
        one.id for one in bot.sandbox.client.offered(alice.user, music.channel) if one.name == "music"
    ]
    assert f"</music:{number}>" in hello.content
    assert labels(hello) == ["Make a clip", "Start a duel", "Browse presets"]


async def test_hostile_words_are_shown_as_they_are_and_ping_nobody(
    bot: BotProcess, alice: Actor, bob: Actor
) -> None:
    words = f"{mention(bot)} @everyone **loud** [x](https://example.org) <@{bob.id}> \u202e||boom||"
    offer = await answer_to(bot, await alice.send(words))
    assert r"\*\*loud\*\*" in offer.content
    assert f"<@{bob.id}>" not in offer.content
    assert not offer.mention_everyone
    assert offer.mentions == []


async def test_an_answer_to_a_clip_changes_its_prompt_only_where_it_mentions_the_bot(
    bot: BotProcess, alice: Actor
) -> None:
    clip = await made(alice, "calm piano")
    silent = await alice.send("lovely!", reply_to=clip)
    changed = await alice.send(f"{mention(bot)} but slower", reply_to=clip)
    offer = await answer_to(bot, changed)
    assert "“calm piano, but slower”" in offer.content
    assert not [one for one in bot.sandbox.world.messages.values() if replies_to(one, silent)]


async def test_other_peoples_talk_is_left_alone(bot: BotProcess, bob: Actor, music: ChannelHandle) -> None:
    spoken = [await bob.send("play me some slow piano"), await bob.send(f"<@{bob.id}> come and listen")]
    await answer_to(bot, await bob.send(f"{mention(bot)} drums"))
    assert not [one for one in music.messages for sent in spoken if replies_to(one, sent)]


async def test_another_bot_is_never_answered(bot: BotProcess, alice: Actor, music: ChannelHandle) -> None:
    other = bot.sandbox.member("carol")
    other.user.bot = True
    try:
        sent = await other.send(f"{mention(bot)} and I answer you")
        await answer_to(bot, await bot.sandbox.member("bob").send(f"{mention(bot)} a march"))
    finally:
        other.user.bot = False
    assert not [one for one in music.messages if replies_to(one, sent)]


async def test_nobody_has_the_bot_fill_a_channel(bot: BotProcess) -> None:
    room = bot.sandbox.dm("mina")
    mina = bot.sandbox.member("mina")
    sent = [await mina.send(f"tune {n}", at=room) for n in range(8)]
    for one in sent[:5]:
        await answer_to(bot, one)
    # Somebody else is still answered, which also says that the last of Mina's messages was read before.
    await answer_to(bot, await bot.sandbox.member("host").send("a waltz", at=bot.sandbox.dm("host")))
    assert not [one for one in room.messages for late in sent[5:] if replies_to(one, late)]
