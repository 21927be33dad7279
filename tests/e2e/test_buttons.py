"""The buttons under a clip and a job, and the commands about them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from bot.audio.tags import read_recipe
from bot.recipe import Mode
from sandbox.actors import Actor, ChannelHandle, text_of
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import (
    WAIT,
    ask,
    carries_clip,
    clip_of,
    clips_in,
    delete,
    eventually,
    id_of,
    labels,
    made,
    more,
    mp3_of,
    pressed,
    private,
    queued,
    rendering,
    text_in,
    with_earlier_buttons,
)
from tests.e2e.test_duels import query

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_again_makes_another_take(bot: BotProcess, alice: Actor, bob: Actor, tmp_path: Path) -> None:
    first = await made(alice, "a tune", mode="diffusion", steps=12)
    second = await clip_of(await bob.click(first, "Again"))
    before, after = (read_recipe(mp3_of(m, bot.sandbox, tmp_path)) for m in (first, second))
    assert after.seed != before.seed
    assert after == before.reseeded(after.seed)
    assert second.interaction_metadata is not None
    assert second.interaction_metadata["user_id"] == bob.id
    assert "<@" not in text_of(second)


async def test_other_mode_keeps_words_length_and_seed(bot: BotProcess, alice: Actor, tmp_path: Path) -> None:
    first = await made(alice, "two ways", mode="ar", seconds=3, seed=5)
    second = await clip_of(await alice.click(first, "Try diffusion"))
    assert "Try ar" in labels(second)
    recipe = read_recipe(mp3_of(second, bot.sandbox, tmp_path))
    assert (recipe.mode, recipe.prompt, recipe.seconds, recipe.seed) == (Mode.DIFFUSION, "two ways", 3, 5)


async def test_details_are_for_who_asks(alice: Actor, bob: Actor) -> None:
    asked: dict[str, Any] = {
        "mode": "ar",
        "temperature": 0.7,
        "top_k": 41,
        "bpm": 90,
        "key": "Bb minor",
        "seed": 99,
    }
    reply = await pressed(bob, await made(alice, "all of it", **asked), "Details")
    message = await reply.finished()
    for shown in (
        "all of it",
        "Temperature: 0.7",
        "Top-k: 41",
        "Tempo: 90 bpm",
        "Key: Bb minor",
        "99",
        "LUFS",
        "dBTP",
        "kbit/s",
        "MIT",
        "test tones",
        "times as fast as it plays",
    ):
        assert shown in text_of(message)
    assert not alice.sees(message)


async def test_only_the_owner_or_a_moderator_deletes(
    bot: BotProcess, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    message = await made(alice, "to be deleted")
    assert "Delete" in labels(await more(alice, message))
    assert "Delete" not in labels(await more(bob, message))
    earlier = await made(alice, "to be kept")
    with_earlier_buttons(earlier, id_of(earlier))
    refusal = await (await bob.click(earlier, "Delete")).followup()
    assert "moderator" in refusal.content
    assert earlier in clips_in(music)

    await delete(alice, message)
    await bot.sandbox.until(lambda: message not in clips_in(music), WAIT, "the deletion")
    other = await made(alice, "to be moderated")
    await delete(bot.sandbox.member("mina"), other)
    await bot.sandbox.until(lambda: other not in clips_in(music), WAIT, "the deletion")


async def test_deleting_removes_the_files(bot: BotProcess, alice: Actor, music: ChannelHandle) -> None:
    folder = bot.folder / "clips"
    before = set(folder.iterdir())
    message = await made(alice, "short life")
    files = set(folder.iterdir()) - before
    assert {file.suffix for file in files} == {".mp3", ".png"}
    await delete(alice, message)
    await eventually(lambda: not any(file.exists() for file in files), "the files to go")
    assert message not in clips_in(music)


async def test_a_running_clip_is_cancelled_by_its_button(bot: BotProcess, alice: Actor, bob: Actor) -> None:
    message = await rendering(alice, "and cancelled")
    refusal = await (await bob.click(message, "Cancel")).followup()
    assert "Only the person who asked" in refusal.content
    await alice.click(message, "Cancel")
    await text_in(message, "Cancelled", bot.sandbox)
    assert (await made(alice, "the worker goes on")).attachments
    assert message.attachments == []


async def test_a_waiting_clip_is_cancelled_by_command(bot: BotProcess, alice: Actor, bob: Actor) -> None:
    running = await rendering(bob, "and in the way")
    waiting = await queued(alice, "never mind")
    [choice] = await alice.autocomplete("cancel", "clip", "never")
    other = await (await bob.slash("cancel", clip=choice["value"])).finished()
    assert "no waiting clip with that number" in text_of(other)
    done = await (await alice.slash("cancel", clip=choice["value"])).finished()
    assert re.search(r"Cancelled: #\d+ never mind", done.content)
    await text_in(waiting, "Cancelled", bot.sandbox)
    bot.let_through()
    await carries_clip(running, bot.sandbox)
    nothing = await (await alice.slash("cancel")).finished()
    assert "no clip waiting" in nothing.content


async def test_a_member_has_only_so_many_at_once(bot: BotProcess, alice: Actor, bob: Actor) -> None:
    waiting = [await queued(alice, f"held number {n}") for n in range(5)]
    refused = await (await ask(alice, "one too many")).finished()
    assert "5 is the limit" in refused.content
    assert not bob.sees(refused)
    for message in reversed(waiting):
        await (await alice.slash("cancel")).finished()
        await text_in(message, "Cancelled", bot.sandbox)


async def test_the_queue_shows_places_and_only_own_prompts(bot: BotProcess, alice: Actor, bob: Actor) -> None:
    empty = await (await alice.slash("queue")).finished()
    assert "starts at once" in empty.content
    first, second = await rendering(alice, "one of alice"), await queued(bob, "secret of bob")
    seen = (await (await alice.slash("queue")).finished()).content
    assert "1 rendering, 1 waiting" in seen
    assert "held one of alice" in seen
    assert "secret of bob" not in seen
    bot.let_through()
    await carries_clip(first, bot.sandbox)
    await carries_clip(second, bot.sandbox)


async def test_history_pages_through_own_clips(bot: BotProcess, alice: Actor) -> None:
    carol = bot.sandbox.member("mina")
    none = await (await carol.slash("history")).finished()
    assert "no clips yet" in text_of(none)
    for n in range(9):
        await made(carol, f"tune {n}", seconds=1)
    page = await (await carol.slash("history")).finished()
    assert "tune 8" in text_of(page)
    assert "tune 0" not in text_of(page)
    await carol.click(page, "Older")
    await text_in(page, "tune 0", bot.sandbox)
    assert not alice.sees(page)


async def test_about_and_help_answer_in_private(alice: Actor, bob: Actor) -> None:
    about = await (await alice.slash("about")).finished()
    assert "test tones" in text_of(about)
    assert "Licence: MIT" in text_of(about)
    helped = await (await alice.slash("help")).finished()
    assert "</music:" in text_of(helped)
    assert not bob.sees(about)
    assert not bob.sees(helped)


async def test_the_buttons_of_before_there_was_more_work(
    bot: BotProcess, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    message = await made(alice, "from long ago", mode="ar")
    # A bot killed before it recorded the delivery would edit the message again.
    newest = "SELECT state FROM jobs ORDER BY id DESC LIMIT 1"
    await eventually(lambda: query(bot, newest) == [("delivered",)], "the record")
    with_earlier_buttons(message, id_of(message))
    await bot.kill()
    await bot.restart()
    assert "from long ago" in text_of(await private(await bob.click(message, "Details")))
    assert "from long ago" in text_of(await clip_of(await bob.click(message, "Again")))
    assert "diffusion" in text_of(await clip_of(await bob.click(message, "Other")))
    form = await alice.message_menu("Save as preset", message)
    assert "Saved" in text_of(await private(await alice.submit(form, {"name": "Long ago"})))
    question = await (await alice.click(message, "Delete")).followup(0, WAIT)
    await alice.click(question, "Delete")
    await bot.sandbox.until(lambda: message not in clips_in(music), WAIT, "the deletion")
