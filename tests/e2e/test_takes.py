"""Several takes of one request: rendered together, posted in one message, each with a life of its own."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bot.audio.tags import read_recipe
from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.components import walk
from sandbox.model import Message
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import (
    WAIT,
    ask,
    carries_clip,
    clip_of,
    clips_in,
    delete,
    eventually,
    labels,
    pressed,
    private,
    queued,
    text_in,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


def mp3s(message: Message) -> list[str]:
    return [a.filename for a in message.attachments if a.filename.endswith(".mp3")]


def files_of(message: Message, bot: BotProcess, folder: Path) -> dict[str, Path]:
    """Write the message's MP3s to a folder; return them by their names."""
    found = {}
    for attachment in message.attachments:
        if attachment.filename.endswith(".mp3"):
            found[attachment.filename] = folder / attachment.filename
            found[attachment.filename].write_bytes(bot.sandbox.bytes_of(attachment))
    return found


def states(bot: BotProcess) -> list[str]:
    """Return the states of the newest request's jobs, in their order."""
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as connection:
        return [
            state
            for (state,) in connection.execute(
                "SELECT state FROM jobs WHERE takes_of = (SELECT max(takes_of) FROM jobs) ORDER BY take"
            )
        ]


def seeds(message: Message) -> list[int]:
    return [int(seed) for seed in re.findall(r"Take \d\*\* · seed (\d+)", text_of(message))]


def options_of(message: Message) -> dict[str, str]:
    """Return the label → value of the message's selects."""
    nodes = [option for _, node in walk(message.components) for option in node.get("options", ())]
    return {node["label"]: node["value"] for node in nodes}


async def chosen(actor: Actor, message: Message, take: str) -> Message:
    """Return the private answer for a take that is chosen in the message's select."""
    reply = await actor.select(message, "Choose a take to keep, vary, duel …", [options_of(message)[take]])
    return await reply.followup(0, WAIT)


async def test_four_takes_come_in_one_message_with_consecutive_seeds(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await clip_of(await ask(alice, "four of them", takes=4, seed=7))
    assert mp3s(message) == [f"four-of-them-take-{n}.mp3" for n in (1, 2, 3, 4)]
    assert seeds(message) == [7, 8, 9, 10]
    assert list(options_of(message)) == ["Take 1", "Take 2", "Take 3", "Take 4"]
    assert [a.description for a in message.attachments[:2]] == [
        "Take 1, seed 7",
        "Waveform and mel spectrogram of take 1",
    ]
    await eventually(lambda: states(bot) == ["delivered"] * 4, "the record")
    assert len([one for one in clips_in(music) if "four of them" in text_of(one)]) == 1


async def test_each_takes_tag_makes_the_same_clip_again(
    bot: BotProcess, alice: Actor, tmp_path: Path
) -> None:
    message = await clip_of(await ask(alice, "three of them", takes=3, seed=20))
    tagged = {name: read_recipe(path) for name, path in files_of(message, bot, tmp_path).items()}
    assert [recipe.seed for recipe in tagged.values()] == [20, 21, 22]
    alone = await clip_of(await ask(alice, "three of them", seed=22))
    [one] = files_of(alone, bot, tmp_path).values()
    assert read_recipe(one) == tagged["three-of-them-take-3.mp3"]
    third = soundfile.read(tmp_path / "three-of-them-take-3.mp3")[0]
    assert np.array_equal(soundfile.read(one)[0], third)
    assert not np.array_equal(soundfile.read(tmp_path / "three-of-them-take-2.mp3")[0], third)


async def test_a_presets_takes_come_in_one_message(bot: BotProcess, alice: Actor) -> None:
    form = await alice.slash("preset save", start="scratch")
    typed = {"name": "Rain", "template": "{prompt} in the rain", "settings": "mode: diffusion\nseconds: 1"}
    assert "Saved" in text_of(await private(await alice.submit(form, typed)))
    message = await clip_of(await alice.slash("preset use", preset="Rain", prompt="four", takes=4))
    assert [name[-10:] for name in mp3s(message)] == [f"take-{n}.mp3" for n in (1, 2, 3, 4)]
    first, *others = seeds(message)
    assert others == [first + 1, first + 2, first + 3]


async def test_progress_shows_every_take_and_one_is_cancelled_alone(
    bot: BotProcess, alice: Actor, bob: Actor
) -> None:
    message = await queued(alice, "held progress", takes=3)
    await text_in(message, r"Take 1: ▰+▱+ 50 %\nTake 2: .*\nTake 3: ", bot.sandbox)
    assert labels(message) == ["Cancel take 1", "Cancel take 2", "Cancel take 3", "Cancel all"]
    refused = await (await bob.click(message, "Cancel all")).followup(0, WAIT)
    assert "Only the person who asked" in text_of(refused)
    await alice.click(message, "Cancel take 2")
    await eventually(lambda: states(bot)[1] == "cancelled", "the cancellation")
    bot.let_through(2)
    await carries_clip(message, bot.sandbox)
    assert [name[-10:] for name in mp3s(message)] == ["take-1.mp3", "take-3.mp3"]
    assert "Take 2 was cancelled." in text_of(message)
    await eventually(lambda: states(bot) == ["delivered", "cancelled", "delivered"], "the record")


async def test_all_takes_are_cancelled_together(bot: BotProcess, alice: Actor) -> None:
    message = await queued(alice, "held nothing", takes=2)
    await text_in(message, r"Take 1: ▰+", bot.sandbox)
    await alice.click(message, "Cancel all")
    await text_in(message, r"2 takes\nCancelled\.$", bot.sandbox)
    assert not message.attachments


async def test_a_take_that_fails_does_not_lose_the_others(bot: BotProcess, alice: Actor) -> None:
    message = await clip_of(await ask(alice, "broken:8 tune", takes=3, seed=7))
    assert seeds(message) == [7, 9]
    assert re.search(r"Take 2 didn't work\. Something went wrong while rendering", text_of(message))


async def test_where_all_takes_fail_the_member_is_told_once(bot: BotProcess, alice: Actor) -> None:
    message = await (await ask(alice, "broken takes", takes=2)).finished(WAIT)
    await text_in(message, r"That did not work\. Something went wrong", bot.sandbox)
    assert "broken takes" in text_of(message)


async def test_one_take_that_is_left_is_an_ordinary_clip(bot: BotProcess, alice: Actor) -> None:
    message = await clip_of(await ask(alice, "broken:8 alone", takes=2, seed=7))
    assert "Again" in labels(message)
    assert options_of(message) == {}
    assert "Take 2 didn't work" in text_of(message)


async def test_takes_count_as_so_many_clips(bot: BotProcess, alice: Actor) -> None:
    message = await queued(alice, "held many", takes=4)
    refused = await private(await ask(alice, "two more", takes=2))
    assert "You already have 4 clips waiting or rendering" in text_of(refused)
    assert "Place" not in text_of(refused)
    await text_in(message, r"Take 1: ▰+", bot.sandbox)
    await alice.click(message, "Cancel all")
    await text_in(message, "Cancelled", bot.sandbox)


async def test_keeping_one_take_asks_and_removes_the_others(
    bot: BotProcess, alice: Actor, bob: Actor
) -> None:
    message = await clip_of(await ask(alice, "keep one", takes=3, seed=20))
    theirs = await chosen(bob, message, "Take 2")
    refused = await (await bob.click(theirs, "Keep only this one")).followup(0, WAIT)
    assert "Only the person who asked" in text_of(refused)
    answer = await chosen(alice, message, "Take 2")
    assert "Take 2" in text_of(answer)
    assert "seed 21" in text_of(answer)
    await (await alice.click(answer, "Keep only this one")).acknowledged()
    await text_in(answer, r"Keep take 2 and delete takes 1 and 3\?", bot.sandbox)
    assert len(mp3s(message)) == 3, "nothing is deleted before the answer"
    await alice.click(answer, "Delete takes 1 and 3")
    await bot.sandbox.until(lambda: len(message.attachments) == 2, WAIT, "the others gone")
    assert mp3s(message) == ["keep-one-take-2.mp3"]
    assert "seed 21" in text_of(message)
    assert "Again" in labels(message)
    history = await (await alice.slash("history")).finished()
    assert text_of(history).count("keep one") == 1
    details = await (await pressed(alice, message, "Details")).finished()
    assert "21" in text_of(details)


async def test_one_take_is_deleted_and_the_others_stay(bot: BotProcess, alice: Actor) -> None:
    message = await clip_of(await ask(alice, "delete one", takes=3, seed=30))
    answer = await chosen(alice, message, "Take 1")
    await delete(alice, answer)
    await bot.sandbox.until(lambda: len(message.attachments) == 4, WAIT, "take 1 gone")
    assert seeds(message) == [31, 32]
    assert list(options_of(message)) == ["Take 2", "Take 3"]


async def test_a_duel_of_two_takes_renders_both_again(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await clip_of(await ask(alice, "duel them", takes=2, seed=40))
    answer = await chosen(alice, message, "Take 1")
    option = options_of(answer)["Duel with take 2"]
    await alice.select(answer, "Duel with another take …", [option])
    posted = await music.wait_for(lambda one: any(a.filename == "a.mp3" for a in one.attachments), WAIT)
    assert "duel them" in text_of(posted)
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as connection:
        rows = connection.execute(
            "SELECT json_extract(recipe, '$.seed') FROM jobs WHERE in_duel ORDER BY id DESC LIMIT 2"
        ).fetchall()
    assert sorted(seed for (seed,) in rows) == [40, 41]


async def test_a_take_is_chosen_for_a_report_and_for_a_preset_after_a_restart(
    bot: BotProcess, alice: Actor, bob: Actor
) -> None:
    message = await clip_of(await ask(alice, "choose one", takes=3, seed=50, mode="ar"))
    report = await private(await bob.message_menu("Report clip", message))
    save = await private(await bob.message_menu("Save as preset", message))
    for answer in (report, save):
        assert list(options_of(answer)) == ["Take 1", "Take 2", "Take 3"]
    await bot.kill()
    await bot.restart()
    second = options_of(report)["Take 2"]
    form = await bob.select(report, "Which take should moderators look at?", [second])
    assert "Thank you." in text_of(await private(await bob.submit(form, {"reason": "too loud"})))
    listed = await private(await bot.sandbox.member("mina").slash("moderate clips"))
    assert f"Clip {second}" in text_of(listed)
    third = options_of(save)["Take 3"]
    form = await bob.select(save, "Which take should become a preset?", [third])
    assert "Saved" in text_of(await private(await bob.submit(form, {"name": "Third take"})))
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as connection:
        assert connection.execute("SELECT max(example_clip) FROM preset_versions").fetchone() == (int(third),)
    await delete(alice, await chosen(alice, message, "Take 3"))
    await bot.sandbox.until(lambda: len(message.attachments) == 4, WAIT, "take 3 gone")
    late = await private(await bob.select(save, "Which take should become a preset?", [third]))
    assert "no longer exists" in text_of(late)
