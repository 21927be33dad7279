"""Clips that were asked for before the owner changed the models."""

from __future__ import annotations

from pathlib import Path

from sandbox.actors import Actor
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import button_ids, carries_clip, queued, rendering, text_in
from tests.e2e.conftest import running


async def test_clips_for_another_model_end_at_once_with_its_name(own_bot: BotProcess) -> None:
    bot = own_bot
    alice, bob = bot.sandbox.member("alice"), bot.sandbox.member("bob")
    stale = [await rendering(alice, "one"), await queued(alice, "held two")]
    other = await queued(bob, "a tune", mode="diffusion")
    before = bot.environment.get("AR_MODEL", "")
    await bot.kill()
    bot.environment["AR_MODEL"] = "others"
    await bot.restart()
    for message in stale:
        await text_in(message, rf"(?s)That did not work.*model {before}.*others", bot.sandbox)
        assert button_ids(message) == []
    await carries_clip(other, bot.sandbox)


async def test_the_same_folder_spelled_otherwise_is_the_same_model(description: Spec, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    async with running(description, tmp_path, AR_MODEL=str(folder)) as bot:
        alice: Actor = bot.sandbox.member("alice")
        message = await rendering(alice, "tune")
        await bot.kill()
        bot.environment["AR_MODEL"] = f"{folder}/"
        bot.let_through()
        await bot.restart()
        await carries_clip(message, bot.sandbox)
