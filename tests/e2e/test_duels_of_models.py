"""Duels between any two models or settings, from the command to the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.actors import text_of
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import clips_in, made, pressed
from tests.e2e.conftest import running
from tests.e2e.test_duels import open_duel, query, revealed

MODELS = "lofi,hifi,some-diffusion"


@pytest.fixture
async def bot(description: Spec, tmp_path: Path) -> Any:
    async with running(description, tmp_path, MODELS=MODELS, DUEL_ACCOUNT_DAYS="0") as bot:
        yield bot


async def refusal(bot: BotProcess, **options: Any) -> str:
    reply = await bot.sandbox.member("alice").slash("duel start", prompt="a tune", seconds=2, **options)
    return text_of(await reply.finished())


async def test_two_models_of_one_mode_meet_blind_and_are_named_at_the_end(bot: BotProcess) -> None:
    alice, music = bot.sandbox.member("alice"), bot.sandbox.channel("music")
    offered = [choice["name"] for choice in await alice.autocomplete("duel start", "a", "", prompt="jazz")]
    assert offered[:3] == [f"{name} · no clip made here yet" for name in described()]
    assert any("· preset, " in name for name in offered)
    await alice.slash("duel start", prompt="calm jazz", seconds=2, a="lofi", b="hifi")
    message = await open_duel(bot, music)
    shown = text_of(message)
    assert "lofi" not in shown
    assert "hifi" not in shown
    modes = query(bot, "SELECT mode, model FROM duel_sides ORDER BY model")
    assert modes == [("ar", "hifi"), ("ar", "lofi")]
    # One is mono at 24 kHz and the other stereo at 48 kHz: the files must not tell.
    sizes = {a.filename: len(bot.sandbox.bytes_of(a)) for a in message.attachments}
    assert abs(sizes["a.mp3"] - sizes["b.mp3"]) < 0.02 * sizes["a.mp3"]
    await alice.slash("duel close", duel="1")
    text = await revealed(bot, message)
    assert "was lofi" in text
    assert "was hifi" in text

    await alice.slash("duel rematch", duel="1")
    await open_duel(bot, music, 2)
    again = query(bot, "SELECT model FROM duel_sides WHERE duel_id = 2 ORDER BY model")
    assert again == [("hifi",), ("lofi",)]
    assert clips_in(music)


async def test_one_side_alone_meets_the_other_mode_and_a_preset_is_a_side(bot: BotProcess) -> None:
    alice, music = bot.sandbox.member("alice"), bot.sandbox.channel("music")
    await alice.slash("duel start", prompt="calm jazz", seconds=2, b="hifi")
    await open_duel(bot, music)
    sides = query(bot, "SELECT model FROM duel_sides WHERE duel_id = 1 ORDER BY model")
    assert sides == [("hifi",), ("some-diffusion",)]
    offered = await alice.autocomplete("duel start", "a", "lofi", prompt="jazz")
    preset = next(choice for choice in offered if "preset, ar" in choice["name"])
    await alice.slash("duel start", prompt="rain", seconds=2, a=preset["name"], b="lofi")
    await open_duel(bot, music, 2)
    recipes = query(
        bot, "SELECT recipe FROM jobs WHERE id IN (SELECT job_id FROM duel_sides WHERE duel_id = 2)"
    )
    assert len({recipe for (recipe,) in recipes}) == 2


async def test_sides_that_make_no_duel_are_refused_in_words(bot: BotProcess) -> None:
    assert "Both sides would be made alike" in await refusal(bot, a="lofi", b="lofi")
    assert "There is `lofi`, `hifi`" in await refusal(bot, a="nothing")
    assert "no such preset here" in await refusal(bot, a="#999")


async def test_a_clip_meets_the_other_mode_by_its_own_model(bot: BotProcess) -> None:
    alice, music = bot.sandbox.member("alice"), bot.sandbox.channel("music")
    clip = await made(alice, "calm jazz", model="hifi")
    await pressed(alice, clip, "Duel")
    await open_duel(bot, music)
    sides = query(bot, "SELECT model FROM duel_sides ORDER BY model")
    assert sides == [("hifi",), ("some-diffusion",)]


def described() -> list[str]:
    return ["lofi · ar · MIT", "hifi · ar · MIT", "some-diffusion · diffusion · MIT"]
