"""Search in /history: own clips, the server's as far as a member sees them, pages after a restart."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.defaults import ELSEWHERE
from sandbox.model import Message, Permission
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import WAIT, eventually, labels, made, private, text_in


@pytest.fixture
def bot(own_bot: BotProcess) -> BotProcess:
    return own_bot


async def searched(actor: Actor, at: ChannelHandle | None = None, **options: object) -> Message:
    """Use /history and return its page."""
    return await private(await actor.slash("history", options, at=at))


async def delivered(bot: BotProcess, clips: int) -> None:
    def there() -> bool:
        with closing(sqlite3.connect(bot.folder / "antiphon.db")) as connection:
            [found] = connection.execute("SELECT count(*) FROM jobs WHERE state = 'delivered'").fetchone()
        return bool(found == clips)

    await eventually(there, "the records")


async def test_words_and_filters_find_own_clips(bot: BotProcess, alice: Actor, bob: Actor) -> None:
    await made(alice, "slow piano in the rain")
    await made(alice, "雨の東京タワーの夜に", mode="diffusion")
    await made(bob, "piano of bob")
    await delivered(bot, 3)
    found = text_of(await searched(alice, words="pian RAIN"))
    assert "slow piano" in found
    assert "東京" not in found
    assert "of bob" not in text_of(await searched(alice, words="piano"))
    assert "タワー" in text_of(await searched(alice, words="東京"))
    found = text_of(await searched(alice, mode="diffusion"))
    assert "タワー" in found
    assert "slow piano" not in found
    assert "slow piano" in text_of(await searched(alice, words="   "))
    for hostile in ('"', "NEAR(", "AND OR NOT", "*", "🎹", "x" * 1_000, "[a](https://b.c) @everyone"):
        assert "No clip matches" in text_of(await searched(alice, words=hostile))
    assert "No clip matches" in text_of(await searched(alice, model="never installed"))
    assert not [line for line in bot.lines if "Traceback" in line]


async def test_the_servers_clips_are_those_that_a_member_can_see(
    bot: BotProcess, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    general = bot.sandbox.channel("general")
    shown = await made(alice, "piano for all")
    await made(alice, "piano for the general", at=general)
    await made(alice, "piano in private", at=bot.sandbox.dm("alice"))
    await made(bob, "piano of bob")
    await delivered(bot, 4)
    page = await searched(bob, scope="server", words="piano")
    said = text_of(page)
    assert "Clips of this server" in said
    assert ["for all" in said, "for the general" in said, "of bob" in said] == [True] * 3
    assert "in private" not in said
    await bob.select(page, "Send again …", ["2"])
    await bot.sandbox.until(lambda: "▸" in text_of(page) or None, WAIT, "the choice")
    assert "Send again" in labels(page)
    assert "Delete" not in labels(page), "somebody else's clip"
    again = await private(await bob.click(page, "Send again"))
    assert [a for a in again.attachments if a.filename.endswith(".mp3")]

    general.overwrite(bob, deny=Permission.VIEW_CHANNEL)
    assert "for the general" not in text_of(await searched(bob, scope="server", words="piano"))
    assert "for the general" in text_of(await searched(alice, scope="server", words="piano"))
    # A page that was open before follows at its next press.
    refused = await private(await bob.click(page, "Send again"))
    assert "isn't yours" in text_of(refused)

    await alice.click(await private(await alice.slash("privacy erase")), "Erase everything")
    await eventually(lambda: shown not in music.messages, "the erasure")
    said = text_of(await searched(bob, scope="server"))
    assert "for all" not in said
    assert "of bob" in said
    # Where the bot is not a member it knows no channels but the one that it is asked in.
    elsewhere = bot.sandbox.channel("lobby", ELSEWHERE)
    assert "found no clips" in text_of(await searched(alice, elsewhere, scope="server"))
    refused = await private(await bob.slash("history", scope="server", at=bot.sandbox.dm("bob")))
    assert "no server here" in text_of(refused)


async def test_a_search_goes_on_after_a_restart(bot: BotProcess, alice: Actor) -> None:
    for n in range(9):
        await made(alice, f"rain {n}", seconds=1)
    await made(alice, "sunshine", seconds=1)
    await delivered(bot, 10)
    page = await searched(alice, words="rain")
    assert "rain 8" in text_of(page)
    assert "sunshine" not in text_of(page)
    await bot.kill()
    await bot.restart()
    await alice.click(page, "Older")
    await text_in(page, "rain 0", bot.sandbox)
    assert "“rain”" in text_of(page)
    await alice.select(page, "Send again or delete …", ["1"])
    await text_in(page, "▸", bot.sandbox)
    await alice.click(page, "Delete")
    await text_in(page, "Delete this clip", bot.sandbox)
    await alice.click(page, "Delete")
    await text_in(page, "There are no older ones", bot.sandbox)
    assert labels(page) == ["Newest"]
