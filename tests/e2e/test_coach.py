"""The coach: on request, and quietly under a clip."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.audio.tags import read_recipe
from bot.recipe import Mode
from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.resolve import ActionError
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import WAIT, button_ids, clip_of, made, mp3_of, pressed

pytestmark = pytest.mark.asyncio(loop_scope="module")

VAGUE = "a perfect lofi-hip-hop beat"


async def test_another_wording_is_rendered_after_a_restart_too(
    bot: BotProcess, alice: Actor, bob: Actor, tmp_path: Path
) -> None:
    card = await (await alice.slash("coach", prompt=VAGUE, mode="ar")).finished(WAIT)
    assert "a lofi hip hop beat" in text_of(card)
    assert "Mode that suits it" not in text_of(card), "the models are named like the built-in ones"
    assert not bob.sees(card)
    await bot.kill()
    await bot.restart()
    clip = await clip_of(await alice.click(card, "Use this wording"))
    recipe = read_recipe(mp3_of(clip, bot.sandbox, tmp_path))
    assert recipe.mode is Mode.AR
    assert recipe.prompt in text_of(card)
    assert "perfect" not in recipe.prompt


async def test_the_other_modes_wording(bot: BotProcess, alice: Actor, tmp_path: Path) -> None:
    prompt = "start with a felt piano, then add cello"
    card = await (await alice.slash("coach", prompt=prompt, mode="ar")).finished(WAIT)
    other = await (await alice.click(card, "Reword for the other mode")).finished(WAIT)
    assert "in mode diffusion" in text_of(other)
    [use] = [one for one in button_ids(other) if one.startswith("coach:use:")]
    clip = await clip_of(await alice.click(other, use))
    recipe = read_recipe(mp3_of(clip, bot.sandbox, tmp_path))
    assert recipe.mode is Mode.DIFFUSION
    assert "piano" in recipe.prompt
    assert "cello" in recipe.prompt


async def test_the_quiet_line_and_how_to_turn_it_off(bot: BotProcess, alice: Actor, bob: Actor) -> None:
    clip = await made(alice, VAGUE, mode="ar")
    assert "💡" in text_of(clip)
    advice = await (await pressed(bob, clip, "Coach")).finished(WAIT)
    assert "a lofi hip hop beat" in text_of(advice)

    silence = await (await pressed(alice, clip, "Coach")).finished(WAIT)
    off = await (await alice.click(silence, "Stop hints")).finished(WAIT)
    assert "/hints show:on" in off.content
    assert "💡" not in text_of(await made(alice, VAGUE, mode="ar"))
    assert "💡" in text_of(await made(bob, VAGUE, mode="ar"))
    await (await alice.slash("hints", show="on")).finished(WAIT)
    assert "💡" in text_of(await made(alice, VAGUE, mode="ar"))


async def test_a_good_prompt_is_left_in_peace(alice: Actor) -> None:
    clip = await made(alice, "start with a felt piano, then add a cello, finish softly", mode="ar")
    assert "💡" not in text_of(clip)


async def test_coach_wants_a_prompt(bot: BotProcess, alice: Actor, music: ChannelHandle) -> None:
    [coach] = [one for one in bot.sandbox.client.offered(alice.user, music.channel) if one.name == "coach"]
    assert [one["name"] for one in coach.body["options"] if one.get("required")] == ["prompt"]
    with pytest.raises(ActionError, match="prompt"):
        await alice.slash("coach")
