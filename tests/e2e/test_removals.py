"""What was deleted in Discord: duels end once and count no more, jobs are cancelled, links do not dangle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import WAIT, eventually, labels, made, more, queued, rendering
from tests.e2e.conftest import running
from tests.e2e.test_deletions import files_of
from tests.e2e.test_duels import PROMPT, open_duel, query, said, started, state_of


@pytest.fixture
async def bot(description: Spec, tmp_path: Path) -> Any:
    async with running(description, tmp_path, DUEL_ACCOUNT_DAYS="0", DUELS_PER_MEMBER="1") as bot:
        yield bot


@pytest.fixture
def mina(bot: BotProcess) -> Actor:
    return bot.sandbox.member("mina")


async def test_a_duel_whose_message_was_deleted_is_over_and_counts_no_more(
    bot: BotProcess, music: ChannelHandle, alice: Actor, mina: Actor
) -> None:
    duel = await started(bot, music)
    bot.sandbox.clock.advance(30)
    assert "Your vote" in await said(await bot.sandbox.member("bob").click(duel, "A"))
    refused = await alice.slash("duel start", prompt="another", seconds=2)
    assert "/duel close" in (await refused.followup(0, WAIT)).content
    await mina.delete(duel)
    await eventually(lambda: state_of(bot) == "revealed", "the end of the duel")
    await eventually(lambda: [name for name in files_of(bot) if name.startswith("duel")] == [], "its files")
    assert "No duel is open" in await said(await alice.slash("duel list"))
    history = await said(await alice.slash("history"))
    assert history.count("not delivered: The message was deleted in Discord.") == 2
    await started(bot, music, "the next one", 2)
    assert query(bot, "SELECT count(*) FROM duel_votes WHERE duel_id = 1") == [(1,)]
    assert not [line for line in bot.lines if "Traceback" in line]


async def test_a_progress_that_was_deleted_cancels_its_job(
    bot: BotProcess, music: ChannelHandle, alice: Actor, mina: Actor
) -> None:
    going = await rendering(alice, "not wanted here")
    waiting = await queued(alice, "nor this")
    await mina.delete(waiting)
    await mina.delete(going)
    await eventually(
        lambda: query(bot, "SELECT state, notified FROM jobs ORDER BY id") == [("cancelled", 1)] * 2,
        "both ends",
    )
    later = await made(alice, "the worker goes on")
    assert [m for m in music.messages if m.author_id != alice.id] == [later]


async def test_a_clip_whose_message_was_deleted_stays_in_history(
    bot: BotProcess, alice: Actor, mina: Actor
) -> None:
    await mina.delete(await made(alice, "tune"))
    await eventually(lambda: query(bot, "SELECT 1 FROM clips WHERE message_deleted_at > 0"), "the record")
    page = await said(await alice.slash("history"))
    assert "its message was deleted in Discord" in page
    assert "discord.com/channels" not in page
    assert len(files_of(bot)) == 2


async def test_a_duel_is_ended_by_command(
    bot: BotProcess, music: ChannelHandle, alice: Actor, mina: Actor
) -> None:
    await started(bot, music)
    bob = bot.sandbox.member("bob")
    assert await bob.autocomplete("duel close", "duel", "") == []
    assert "Only the person who started the duel" in await said(await bob.slash("duel close", duel="1"))
    [choice] = await alice.autocomplete("duel close", "duel", "jazz")
    assert choice["name"] == f"#1 · takes votes · {PROMPT}"
    assert "Duel 1 is over" in await said(await alice.slash("duel close", duel=choice["name"]))
    await eventually(lambda: state_of(bot) == "revealed", "the end of the duel")
    assert "already over" in await said(await alice.slash("duel close", duel="1"))

    # One that is still being made is taken back, with both its clips.
    await alice.slash("duel start", prompt="held jazz", seconds=2)
    await eventually(lambda: query(bot, "SELECT 1 FROM jobs WHERE state = 'running'"), "the rendering")
    [choice] = await mina.autocomplete("duel close", "duel", "")
    assert choice["name"] == "#2 · being made · held jazz"
    assert "Duel 2 is over" in await said(await mina.slash("duel close", duel=choice["value"]))
    await eventually(lambda: state_of(bot, 2) == "failed", "the end of the duel")
    assert query(bot, "SELECT DISTINCT state FROM jobs WHERE id > 2") == [("cancelled",)]
    await started(bot, music, "the next one", 3)


async def test_a_rematch_takes_the_name_of_its_choice(
    bot: BotProcess, music: ChannelHandle, alice: Actor
) -> None:
    duel = await started(bot, music)
    await alice.click(duel, "Close")
    await eventually(lambda: state_of(bot) == "revealed", "the end of the duel")
    [choice] = await alice.autocomplete("duel rematch", "duel", "jazz")
    await alice.slash("duel rematch", duel=choice["name"])
    assert PROMPT in text_of(await open_duel(bot, music, 2))


async def test_duels_are_offered_in_servers_alone(bot: BotProcess, alice: Actor) -> None:
    assert "duel" in alice.commands()
    dm = bot.sandbox.dm("alice")
    assert "duel" not in alice.commands(dm)
    [command] = [c for c in bot.sandbox.world.commands_of(None) if c.name == "duel"]
    assert command.body["contexts"] == [0]


async def test_what_is_in_a_deleted_channel_ends(bot: BotProcess, alice: Actor, mina: Actor) -> None:
    place = bot.sandbox.guild().add_channel("short-lived")
    await alice.slash("duel start", prompt=PROMPT, seconds=2, at=place)
    await eventually(lambda: state_of(bot) == "open", "the duel")
    going = await rendering(alice, "one", at=place)
    await queued(alice, "two", at=place)
    kept = await queued(bot.sandbox.member("bob"), "elsewhere")
    place.delete()
    await eventually(lambda: state_of(bot) == "revealed", "the end of the duel")
    await eventually(
        lambda: (
            query(bot, f"SELECT state FROM jobs WHERE in_duel = 0 AND user_id = {alice.id}")
            == [("cancelled",), ("cancelled",)]
        ),
        "the ends",
    )
    await bot.sandbox.until(lambda: kept.attachments or None, WAIT, "the other clip")
    assert going.attachments == []
    linked = f"SELECT id FROM clips WHERE channel_id = {place.id} AND message_id > 0"
    assert query(bot, linked) == []
    assert [name for name in files_of(bot) if name.startswith("duel")] == []


async def test_a_duel_in_a_locked_thread_ends_and_one_in_an_archived_thread_goes_on(
    bot: BotProcess, alice: Actor, mina: Actor, music: ChannelHandle
) -> None:
    thread = music.thread("a talk")
    await alice.slash("duel start", prompt=PROMPT, seconds=2, at=thread)
    await eventually(lambda: state_of(bot) == "open", "the duel")
    thread.archive()
    await made(bot.sandbox.member("bob"), "meanwhile")
    assert state_of(bot) == "open"
    thread.unarchive()
    thread.lock()
    await eventually(lambda: state_of(bot) != "open", "the end of the duel")
    await alice.slash("duel start", prompt="another", seconds=2)
    await eventually(lambda: state_of(bot, 2) == "open", "the next duel")


async def test_a_bot_that_was_kicked_renders_no_more_for_that_server(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    await alice.slash("duel start", prompt="held jazz", seconds=2)
    await eventually(lambda: query(bot, "SELECT 1 FROM jobs WHERE state = 'running'"), "the rendering")
    bot.sandbox.guild().kick_bot()
    await eventually(lambda: state_of(bot) == "failed", "the end of the duel")
    await eventually(
        lambda: query(bot, "SELECT DISTINCT state FROM jobs") == [("cancelled",)], "the end of its clips"
    )
    await made(alice, "still here", at=bot.sandbox.dm("alice"))


async def test_many_messages_deleted_at_once(bot: BotProcess, alice: Actor, mina: Actor) -> None:
    clips = [await made(alice, f"tune {number}") for number in range(3)]
    await mina.delete_many(*clips)
    gone = "SELECT count(*) FROM clips WHERE message_deleted_at > 0"
    await eventually(lambda: query(bot, gone) == [(3,)], "the records")


async def test_no_duel_is_offered_where_none_can_be_shown(bot: BotProcess, alice: Actor) -> None:
    assert "Duel" in labels(await more(alice, await made(alice, "in a server")))
    alone = await made(alice, "in private", at=bot.sandbox.dm("alice"))
    assert "Duel" not in labels(await more(alice, alone))


async def test_a_duel_deleted_while_the_bot_was_down_is_over_at_its_start(
    bot: BotProcess, music: ChannelHandle, mina: Actor
) -> None:
    kept = await started(bot, music)
    await bot.kill()
    await bot.restart()
    assert state_of(bot) == "open"
    await bot.kill()
    await mina.delete(kept)
    await bot.restart()
    await eventually(lambda: state_of(bot) == "revealed", "the end of the duel")
