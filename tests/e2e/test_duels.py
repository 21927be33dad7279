"""A duel from the command to the leaderboard, with the real bot, its worker, and kills in between."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sqlite3
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from mutagen.id3 import ID3, ID3NoHeaderError
from PIL import Image

from bot.audio.tags import read_recipe
from bot.recipe import Mode
from sandbox.actors import ChannelHandle, Reply, text_of
from sandbox.model import Message
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import WAIT, button_ids, eventually, labels, made, pressed
from tests.e2e.conftest import running

VOTERS = ("alice", "bob", "carol", "mina", "host")
HEARD = 30
A_DAY = 24 * 3600
"""Seconds for which a duel takes votes, by default."""
PROMPT = "calm jazz in the rain"


@pytest.fixture
async def bot(description: Spec, tmp_path: Path) -> Any:
    # The sandbox's accounts are as old as the sandbox.
    async with running(description, tmp_path, DUEL_ACCOUNT_DAYS="0") as bot:
        yield bot


def query(bot: BotProcess, sql: str) -> list[Any]:
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as connection, connection:
        return connection.execute(sql).fetchall()


def duels_in(music: ChannelHandle) -> list[Message]:
    return [m for m in music.messages if any(a.filename == "a.mp3" for a in m.attachments)]


async def started(bot: BotProcess, music: ChannelHandle, prompt: str = PROMPT, number: int = 1) -> Message:
    """Start a duel and return its message once it takes votes."""
    await bot.sandbox.member("alice").slash("duel start", prompt=prompt, seconds=2)
    return await open_duel(bot, music, number)


async def open_duel(bot: BotProcess, music: ChannelHandle, number: int = 1) -> Message:
    await eventually(lambda: state_of(bot, number) == "open", "the duel to take votes")
    return next(m for m in music.messages if f"duel:a:{number}" in button_ids(m))


def state_of(bot: BotProcess, number: int = 1) -> str:
    rows = query(bot, f"SELECT state FROM duels WHERE id = {number}")
    return str(rows[0][0]) if rows else ""


async def said(reply: Reply) -> str:
    message = await reply.finished(WAIT)
    # The answer that AutoMod is asked with is not the last one.
    await eventually(lambda: not text_of(message).startswith("Getting the series ready"), "the series")
    return text_of(message)


async def revealed(bot: BotProcess, message: Message, number: int = 1) -> str:
    """Return what a duel's message says once it is over."""
    await eventually(lambda: state_of(bot, number) == "revealed", "the end of the duel")
    return text_of(message)


async def test_five_vote_and_the_end_is_right(bot: BotProcess, music: ChannelHandle, tmp_path: Path) -> None:
    sandbox = bot.sandbox
    people = {name: sandbox.member(name) for name in VOTERS}
    duel = await started(bot, music)
    assert_tells_nothing(bot, duel)

    assert "Nobody can have heard both" in await said(await people["bob"].click(duel, "A"))
    sandbox.clock.advance(HEARD)
    for name, button in (("alice", "A"), ("bob", "B"), ("carol", "A")):
        assert "Your vote" in await said(await people[name].click(duel, button))
    assert "it is final" in await said(await people["bob"].click(duel, "A"))

    await bot.kill()
    await bot.restart()
    assert "it is final" in await said(await people["carol"].click(duel, "B"))
    vote = await people["mina"].click(duel, "Both good")
    assert "Your vote" in await said(vote)
    await people["host"].click(duel, "A")
    await eventually(lambda: len(query(bot, "SELECT 1 FROM duel_votes")) == 5, "five votes")
    assert_tells_nothing(bot, duel)

    why = await people["mina"].click(await vote.finished(), "Why?")
    form = await people["mina"].submit(
        why, {"reasons": ["rhythm", "artefacts"], "line": "both swing", "score_a": ["7"], "score_b": ["10"]}
    )
    assert "Noted" in await said(form)
    [kept] = query(bot, "SELECT reasons, line, score_a, score_b FROM duel_votes WHERE choice = 'both_good'")
    assert kept == ('["rhythm", "artefacts"]', "both swing", 7, 10)

    refusal = await said(await people["bob"].click(duel, "Close"))
    assert "Only the person who started the duel" in refusal
    assert "Closed" in await said(await people["mina"].click(duel, "Close"))
    text = await revealed(bot, duel)
    sides = dict(query(bot, "SELECT side, mode FROM duel_sides"))
    assert f"3 : 1 for A ({sides['a']})" in text
    for side, mode in sides.items():
        assert f"{side.upper()} was {mode}" in text
    assert f"A ({sides['a']}) **3** · B ({sides['b']}) **1** · Both good **1**" in text
    assert "<@" not in text
    assert labels(duel) == ["Rematch"]
    [told] = [one for one in music.messages if "is over" in one.content]
    assert (
        told.content
        == f"<@{people['alice'].id}> Duel 1 is over: **3 : 1 for A ({sides['a']})**. {link(duel, music)}"
    )
    assert told.mentions == [people["alice"].id]
    for side, mode in sides.items():
        [attachment] = [a for a in duel.attachments if a.filename == f"{side}-{mode}.mp3"]
        path = tmp_path / attachment.filename
        path.write_bytes(sandbox.bytes_of(attachment))
        assert read_recipe(path).mode is Mode(mode)

    board = await (await people["alice"].slash("leaderboard")).finished(WAIT)
    for words in (
        *("4 votes, 4 people, 1 duel", "Both good: 1", f"{sides['a']} 3 : 1 {sides['b']} so far"),
        "Too few to call; it takes 11 more people and 9 more duels",
    ):
        assert words in (board.attachments[0].description or "")
        assert words not in text_of(board), "the picture says it already"
    assert bars(sandbox.bytes_of(board.attachments[0])) == 0, "nothing is known yet"
    shown_to_moderators = await people["mina"].slash("leaderboard")
    await shown_to_moderators.finished(WAIT)
    assert shown_to_moderators.followups == [], "there is nothing to say of excluded votes"


def bars(png: bytes) -> int:
    """How many places of a leaderboard are filled with the colour of one mode; letters are thinner."""
    image = np.asarray(Image.open(BytesIO(png)).convert("RGB"))
    assert image.shape[1] == 800
    filled = 0
    for colour in ((0xE6, 0x9F, 0x00), (0x56, 0xB4, 0xE9)):
        here = (image == colour).all(axis=2)
        filled += int(np.lib.stride_tricks.sliding_window_view(here, (12, 24)).all(axis=(2, 3)).sum())
    return filled


def assert_tells_nothing(bot: BotProcess, duel: Message) -> None:
    """Look at everything a member can see of an open duel."""
    files = {a.filename: bot.sandbox.bytes_of(a) for a in duel.attachments}
    assert files.keys() == {"a.mp3", "b.mp3", "picture.png"}
    assert len(files["a.mp3"]) == len(files["b.mp3"])
    for name in ("a.mp3", "b.mp3"):
        with pytest.raises(ID3NoHeaderError):
            ID3(BytesIO(files[name]))
    (wave_a, rate_a), (wave_b, rate_b) = (soundfile.read(BytesIO(files[f"{side}.mp3"])) for side in "ab")
    assert (rate_a, wave_a.shape) == (rate_b, wave_b.shape)
    shown = text_of(duel).lower()
    for word in ("diffusion", "autoregressive", "test tones", "antiphon-tiny", "seed", "rendered in"):
        assert word not in shown
    assert not re.search(r"\*\*\d", shown), "a running tally"


async def test_clips_of_an_open_duel_are_nowhere_else(bot: BotProcess, music: ChannelHandle) -> None:
    alice = bot.sandbox.member("alice")
    duel = await started(bot, music)
    assert PROMPT not in await said(await alice.slash("history"))
    assert PROMPT in await said(await alice.slash("duel list"))
    await alice.click(duel, "Close")
    await revealed(bot, duel)
    assert (await said(await alice.slash("history"))).count(PROMPT) == 2


async def test_the_button_on_a_clip_and_the_rematch(bot: BotProcess, music: ChannelHandle) -> None:
    alice, bob = bot.sandbox.member("alice"), bot.sandbox.member("bob")
    await pressed(bob, await made(alice, PROMPT), "Duel")
    first = await open_duel(bot, music)
    await bob.click(first, "Close")
    await revealed(bot, first)
    [choice] = await alice.autocomplete("duel rematch", "duel", "jazz")
    await alice.slash("duel rematch", duel=choice["value"])
    second = await open_duel(bot, music, 2)
    assert PROMPT in text_of(second)
    seeds = query(bot, "SELECT DISTINCT json_extract(recipe, '$.seed') FROM jobs")
    assert len(seeds) == 5


async def test_a_failed_side_is_tried_again_and_then_told(bot: BotProcess, music: ChannelHandle) -> None:
    reply = await bot.sandbox.member("alice").slash("duel start", prompt="broken", seconds=2)
    await eventually(lambda: state_of(bot) == "failed", "the end of the duel")
    message = await reply.finished(WAIT)
    await eventually(lambda: "couldn't be started" in text_of(message), "the reason")
    assert duels_in(music) == []
    assert query(bot, "SELECT max(tries) FROM duel_sides") == [(2,)]


async def test_killed_when_half_is_rendered(bot: BotProcess, music: ChannelHandle) -> None:
    await bot.sandbox.member("alice").slash("duel start", prompt="held jazz", seconds=2)
    bot.let_through()
    await eventually(
        lambda: query(bot, "SELECT 1 FROM jobs WHERE state = 'rendered'"), "the first of two clips"
    )
    await bot.kill()
    assert state_of(bot) == "rendering"
    bot.let_through()
    await bot.restart()
    duel = await open_duel(bot, music)
    assert_tells_nothing(bot, duel)
    assert query(bot, "SELECT count(*) FROM jobs") == [(2,)]


async def test_killed_between_posting_and_recording(bot: BotProcess, music: ChannelHandle) -> None:
    bot.sandbox.faults.lose_answer(times=1000, operation="create_message")
    await bot.sandbox.member("alice").slash("duel start", prompt=PROMPT, seconds=2)
    await bot.sandbox.until(lambda: duels_in(music) or None, WAIT, "the duel's message")
    await bot.kill()
    assert state_of(bot) == "ready"
    bot.sandbox.faults.clear()
    # Longer ago than Discord is trusted to know the nonce.
    bot.advance(3600)
    await bot.restart()
    await open_duel(bot, music)
    assert len(duels_in(music)) == 1


def link(message: Message, room: ChannelHandle) -> str:
    return f"https://discord.com/channels/{room.channel.guild_id}/{message.channel_id}/{message.id}"


async def test_the_requester_is_told_of_the_end_once_whatever_is_killed(
    bot: BotProcess, music: ChannelHandle
) -> None:
    duel = await started(bot, music)
    held = bot.sandbox.faults.hold(
        after_effect=True, where=lambda t: t.operation == "create_message" and "is over" in str(t.body)
    )
    await bot.sandbox.member("mina").click(duel, "Close")
    await held.until_struck()
    await bot.kill()
    bot.sandbox.faults.clear()
    # Longer ago than Discord is trusted to know the nonce.
    bot.advance(3600)
    await bot.restart()
    assert "0 : 0" in await revealed(bot, duel) or "nobody voted" in text_of(duel)
    told = [one for one in music.messages if "is over" in one.content]
    assert [one.mentions for one in told] == [[bot.sandbox.member("alice").id]]


async def test_a_closed_duel_has_a_rematch(bot: BotProcess, music: ChannelHandle) -> None:
    duel = await started(bot, music)
    await bot.sandbox.member("alice").click(duel, "Close")
    await revealed(bot, duel)
    await bot.kill()
    await bot.restart()
    await bot.sandbox.member("bob").click(duel, "Rematch")
    again = await open_duel(bot, music, 2)
    assert PROMPT in text_of(again)
    [first, second] = query(bot, "SELECT prompt, seconds FROM duels ORDER BY id")
    assert first == second
    seeds = query(bot, "SELECT DISTINCT json_extract(recipe, '$.seed') FROM jobs")
    assert len(seeds) >= 2


async def test_due_while_the_bot_was_down(bot: BotProcess, music: ChannelHandle) -> None:
    duel = await started(bot, music)
    bot.sandbox.clock.advance(HEARD)
    await said(await bot.sandbox.member("bob").click(duel, "B"))
    await bot.kill()
    bot.advance(A_DAY)
    await bot.restart()
    assert "1 : 0 for B" in await revealed(bot, duel)


async def test_killed_between_closing_and_showing(bot: BotProcess, music: ChannelHandle) -> None:
    duel = await started(bot, music)
    delayed = bot.sandbox.faults.delay(3600, times=1000, operation="update_message")
    await bot.sandbox.member("alice").click(duel, "Close")
    await eventually(lambda: state_of(bot) == "closed", "the closing")
    await delayed.until_struck()
    await bot.kill()
    bot.sandbox.faults.clear()
    await bot.restart()
    assert "nobody voted" in await revealed(bot, duel)


async def test_words_are_shown_where_discord_refuses_the_files(bot: BotProcess, music: ChannelHandle) -> None:
    duel = await started(bot, music)
    limit, bot.sandbox.messages.upload_limit = bot.sandbox.messages.upload_limit, 100
    await bot.sandbox.member("alice").click(duel, "Close")
    text = await revealed(bot, duel)
    assert "A was" in text
    assert "Both bad **0**" in text
    assert labels(duel) == ["Rematch"]
    assert {a.filename for a in duel.attachments} == {"a.mp3", "b.mp3", "picture.png"}, (
        "all can still hear it"
    )
    await bot.printed("the files of duel 1 cannot be shown")

    bot.sandbox.messages.upload_limit = limit
    duel = await started(bot, music, "the next one", 2)
    bot.sandbox.faults.fail(403, operation="update_message", message_id=duel.id)
    await bot.sandbox.member("alice").click(duel, "Close")
    assert "A was" not in await revealed(bot, duel, 2)
    result = await music.wait_for(lambda one: one.id > duel.id and "A was" in text_of(one), WAIT)
    assert "Both bad **0**" in text_of(result), "the end is a message of its own"


async def test_a_person_is_forgotten_on_request(bot: BotProcess, music: ChannelHandle) -> None:
    bob, carol = bot.sandbox.member("bob"), bot.sandbox.member("carol")
    duel = await started(bot, music)
    bot.sandbox.clock.advance(HEARD)
    for actor in (bob, carol):
        await said(await actor.click(duel, "A"))
        await said(await actor.slash("privacy share", allow=True))
    asked = await (await bob.slash("privacy forget")).finished(WAIT)
    assert "1 vote" in text_of(asked)
    assert "Deleted: 1 vote" in await said(await bob.click(asked, "Delete my votes"))
    assert query(bot, "SELECT voter_id FROM duel_votes") == [(carol.id,)]
    assert query(bot, "SELECT user_id FROM vote_consents") == [(carol.id,)]
    assert "Now: 1 vote" in await said(await carol.slash("privacy show"))


async def test_clips_of_a_new_worker_beside_it_leave_the_pair_its_files(
    bot: BotProcess, music: ChannelHandle
) -> None:
    """The process that makes a pair alike is stopped half-way, while a new worker finishes other clips."""
    alice, bob, clips = bot.sandbox.member("alice"), bot.sandbox.member("bob"), bot.folder / "clips"
    await alice.slash("duel start", prompt=PROMPT, seconds=2)
    pair = await half_way(bot, clips)
    scratch = {path.name for path in clips.glob(".finishing-*")}
    assert scratch, "it was stopped too late"
    try:
        os.kill(bot.worker_pid(), signal.SIGKILL)
        await made(bob, "one beside it")
        await made(bob, "and another")
        assert scratch <= {path.name for path in clips.iterdir()}
        assert state_of(bot) == "rendering"
    finally:
        os.kill(pair, signal.SIGCONT)
    assert_tells_nothing(bot, await open_duel(bot, music))
    assert list(clips.glob(".finishing-*")) == []


async def half_way(bot: BotProcess, clips: Path) -> int:
    """Stop the pair process once it has a file in its scratch folder; return its process id."""
    async with asyncio.timeout(WAIT):
        while True:
            with contextlib.suppress(StopIteration, FileNotFoundError, ProcessLookupError):
                pid = bot.child_pid(b"bot.audio.pair")
                if any(clips.glob(".finishing-*/*.mp3")):
                    os.kill(pid, signal.SIGSTOP)
                    return pid
            await asyncio.sleep(0.005)
