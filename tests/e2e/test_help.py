"""/help: commands that can be pressed, and buttons for the first steps."""

from __future__ import annotations

import re

import pytest

from sandbox.actors import Actor, ChannelHandle, text_of
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import clip_of, labels, private

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_command_of_help_can_be_pressed(
    bot: BotProcess, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    message = await (await alice.slash("help")).finished()
    mentioned = re.findall(r"</([a-z ]+):(\d+)>", text_of(message))
    assert {name for name, _ in mentioned} >= {"music", "duel start", "preset browse", "coach", "queue"}
    offered = {one.name: one.id for one in bot.sandbox.client.offered(alice.user, music.channel)}
    for name, number in mentioned:
        assert int(number) == offered[name.split()[0]]
    assert labels(message) == ["Make a clip", "Start a duel", "Browse presets"]
    assert not bob.sees(message)


async def test_its_buttons_begin_a_clip_a_duel_and_the_presets(bot: BotProcess, alice: Actor) -> None:
    message = await (await alice.slash("help")).finished()
    form = await alice.click(message, "Make a clip")
    clip = await clip_of(await alice.submit(form, {"words": "rain on a tin roof"}))
    assert "rain on a tin roof" in text_of(clip)
    form = await alice.click(message, "Make a clip")
    refusal = await private(await alice.submit(form, {"words": "\u200b \u200b"}))
    assert "is empty" in refusal.content
    form = await alice.click(message, "Start a duel")
    duel = await (await alice.submit(form, {"words": "bells"})).finished()
    assert "Duel" in text_of(duel)
    page = await private(await alice.click(message, "Browse presets"))
    assert page.embeds
