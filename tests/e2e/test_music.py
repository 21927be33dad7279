"""From /music to an MP3, with the real bot and its real worker."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyloudnorm
import pytest
import soundfile

from bot.audio.tags import read_recipe
from bot.recipe import Mode
from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.defaults import ELSEWHERE
from sandbox.resolve import ActionError
from tests.e2e.bot_process import ROOT, BotProcess
from tests.e2e.clips import ask, button_ids, carries_clip, made, mp3_of, queued, rendering, text_in

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("mode", list(Mode))
async def test_the_clip_is_what_was_asked_for(
    bot: BotProcess, alice: Actor, tmp_path: Path, mode: Mode
) -> None:
    message = await made(alice, "rain on a tin roof", mode=mode.value, seconds=5, seed=11)
    path = mp3_of(message, bot.sandbox, tmp_path)

    wave, rate = soundfile.read(path, always_2d=True)
    assert len(wave) / rate == pytest.approx(5, abs=0.1)
    assert pyloudnorm.Meter(rate).integrated_loudness(wave) == pytest.approx(-14, abs=0.5)

    recipe = read_recipe(path)
    assert (recipe.prompt, recipe.mode, recipe.seconds, recipe.seed) == ("rain on a tin roof", mode, 5, 11)

    card = text_of(message)
    assert re.search(rf"{mode} · 5 s · seed 11 · \S+, MIT", card)
    assert "<@" not in card
    assert [a.filename for a in message.attachments] == ["rain-on-a-tin-roof.mp3", "picture.png"]
    embed = message.embeds[0]
    assert "fields" not in embed
    assert "\n" not in embed["footer"]["text"]


async def test_the_tags_make_the_same_clip_again(bot: BotProcess, alice: Actor, tmp_path: Path) -> None:
    path = mp3_of(await made(alice, "once more"), bot.sandbox, tmp_path)
    again = tmp_path / "again.mp3"
    command = ["-m", "tests.program", "generate", "--like", str(path), "-o", str(again), "--json"]
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["recipe"] == json.loads(read_recipe(path).to_json())
    assert (soundfile.read(path)[0] == soundfile.read(again)[0]).all()


async def test_progress_is_shown_while_it_renders(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    message = await rendering(alice, "one")
    await text_in(message, r"held one · ar · 2 s\n▰.* \d+ %, (a few seconds|about \d+ s) left", bot.sandbox)
    bot.let_through()
    await carries_clip(message, bot.sandbox)
    assert "%" not in message.content


async def test_a_waiting_clip_knows_its_place(bot: BotProcess, alice: Actor, bob: Actor) -> None:
    first = await rendering(alice, "first")
    third, second = await queued(alice, "third"), await queued(bob, "second")
    assert "Next in line" in third.content
    assert "Next in line" in second.content or "Place 1 of 2" in second.content
    bot.let_through()
    for message in (first, second, third):
        await carries_clip(message, bot.sandbox)


@pytest.mark.parametrize("prompt", ["🎹🌧️🔥", "مطر على سطح", "雨の東京", "`**_~~||> # [a](b)", "one\n\ntwo"])
async def test_any_words_make_a_clip_and_stay_as_they_are(
    bot: BotProcess, alice: Actor, tmp_path: Path, prompt: str
) -> None:
    message = await made(alice, prompt)
    assert read_recipe(mp3_of(message, bot.sandbox, tmp_path)).prompt == prompt


async def test_mentions_ping_nobody(bot: BotProcess, alice: Actor, bob: Actor) -> None:
    # The engine's words reach the channel as they are: only what the bot allows Discord to ping is between.
    message = await (await ask(alice, f"quoted {bob.id}")).finished()
    await text_in(message, "That did not work", bot.sandbox)
    assert f"@everyone <@{bob.id}>" in message.content
    assert not message.mention_everyone
    assert message.mentions == []


async def test_a_prompt_of_a_thousand_characters_is_the_most(alice: Actor) -> None:
    await made(alice, "x" * 1000)
    with pytest.raises(ActionError, match="1000"):
        await ask(alice, "x" * 4000)


async def test_a_blank_prompt_is_answered_in_private(alice: Actor, bob: Actor) -> None:
    message = await (await ask(alice, "  ")).finished()
    assert "`prompt` is empty" in message.content
    assert not bob.sees(message)


async def test_an_option_that_the_engine_ignores_is_refused(alice: Actor, bob: Actor) -> None:
    message = await (await ask(alice, "piano", mode="ar", steps=50)).finished()
    assert "`steps` does nothing in mode ar" in message.content
    assert message.content.endswith("Leave `steps` out. Or use `mode:diffusion`, which takes it.")
    neither = await (await ask(alice, "piano", steps=50, top_k=5)).finished()
    assert "`steps` does nothing in mode ar" in neither.content
    assert "Or use" not in neither.content
    assert not bob.sees(message)


async def test_without_a_mode_an_option_finds_the_mode_that_takes_it(
    bot: BotProcess, alice: Actor, tmp_path: Path
) -> None:
    cases: list[dict[str, Any]] = [{"negative": "drums"}, {"steps": 12}, {"top_k": 5}]
    for number, given in enumerate(cases):
        message = await made(alice, f"jazz {number}", **given)
        mode = read_recipe(mp3_of(message, bot.sandbox, tmp_path)).mode
        assert mode is (Mode.AR if "top_k" in given else Mode.DIFFUSION)


async def test_own_prompts_come_back_by_autocomplete(alice: Actor, bob: Actor) -> None:
    await made(alice, "Glass Harmonica at dawn")
    assert [c["value"] for c in await alice.autocomplete("music", "prompt", "harmon")] == [
        "Glass Harmonica at dawn"
    ]
    assert await bob.autocomplete("music", "prompt", "harmon") == []


async def test_it_works_in_a_direct_message(bot: BotProcess, alice: Actor) -> None:
    assert (await made(alice, "in private", at=bot.sandbox.dm("alice"))).attachments


async def test_it_works_where_the_bot_is_no_member(bot: BotProcess, alice: Actor) -> None:
    assert (await made(alice, "elsewhere", at=bot.sandbox.channel("lobby", ELSEWHERE))).attachments


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("nan", "not a number|NaN"),
        ("silent", "silen"),
        ("broken", "owner of the bot finds it in the log as job"),
        ("ravenous", "not enough memory"),
    ],
)
async def test_what_goes_wrong_is_said_and_the_next_clip_comes(
    bot: BotProcess, alice: Actor, prompt: str, said: str
) -> None:
    message = await (await ask(alice, prompt)).finished()
    await text_in(message, f"(?is)That did not work.*({said})", bot.sandbox)
    assert button_ids(message) == []
    assert (await made(alice, "fine again")).attachments


async def test_a_sign_of_a_failed_render_is_said_on_the_card(bot: BotProcess, alice: Actor) -> None:
    assert "Only the left side has sound." in text_of(await made(alice, "lopsided"))
    assert "Note" not in text_of(await made(alice, "both sides"))


async def test_a_device_fault_costs_one_clip_and_a_new_worker(bot: BotProcess, alice: Actor) -> None:
    worker = bot.worker_pid()
    message = await (await ask(alice, "fault")).finished()
    await text_in(message, "That did not work", bot.sandbox)
    assert (await made(alice, "life goes on")).attachments
    assert bot.worker_pid() != worker
