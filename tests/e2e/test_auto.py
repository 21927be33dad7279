"""`mode:auto` in the running bot: by the coach before there are votes, by this server's votes afterwards."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from sandbox.actors import Actor, text_of
from sandbox.model import Message
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import made, private
from tests.e2e.conftest import running
from tests.e2e.test_duels import open_duel, revealed
from tests.e2e.test_models import model_of
from tests.e2e.test_settings import choose, write

MODELS = "small,large,some-diffusion"


async def test_auto_chooses_by_the_votes_here_and_says_why(description: Spec, tmp_path: Path) -> None:
    async with running(description, tmp_path, MODELS=MODELS, DUEL_ACCOUNT_DAYS="0") as bot:
        alice = bot.sandbox.member("alice")
        first = await made(alice, "calm jazz", mode="auto", seed=5)
        assert "Why this model: no votes on this yet" in text_of(first)
        again = await made(alice, "calm jazz", mode="auto", seed=5)
        assert await model_of(alice, first) == await model_of(alice, again), "the seed decides the draw"

        await _diffusion_wins(bot, alice)
        clips = [await made(alice, "jazz at night", mode="auto", seed=seed) for seed in range(6)]
        chosen = [await model_of(alice, clip) for clip in clips]
        assert sum("some-diffusion" in one for one in chosen) >= 3
        by_diffusion = clips[next(i for i, one in enumerate(chosen) if "some-diffusion" in one)]
        assert "Why this model: 20 votes on jazz here, 20 to 0 for some-diffusion" in text_of(by_diffusion)
        # What only some models take leaves the others out, whatever was drawn.
        taken = await made(alice, "jazz at night", mode="auto", steps=20)
        assert "some-diffusion" in await model_of(alice, taken)
        # A preset gives the words and the settings, the votes the model.
        of_preset = [
            await made(alice, "jazz at night", mode="auto", preset="study-lofi-ar", seed=seed)
            for seed in range(3)
        ]
        assert "some-diffusion" in [await model_of(alice, clip) for clip in of_preset]

        # A model that this server does not allow is not drawn, whatever the votes say.
        mina, general = bot.sandbox.member("mina"), bot.sandbox.channel("general")
        await choose(mina, "modes", "ar")
        for seed in range(3):
            clip = await made(alice, "jazz at night", mode="auto", seed=seed)
            assert "some-diffusion" not in await model_of(alice, clip)
        needs = await alice.slash("music", prompt="jazz", mode="auto", steps=20)
        assert "steps" in text_of(await private(needs)), "no model here takes steps"
        await choose(mina, "modes")
        await write(mina, "channel", "channel_preset", "#1", at=general)
        here = await made(alice, "jazz at night", mode="auto", at=general)
        assert "Why this model: " in text_of(here)
        # Where neither the member nor a preset names a mode, the channel's setting leaves it to the votes.
        await write(mina, "channel", "channel_preset", "", at=general)
        await choose(mina, "channel_mode", "auto", at=general)
        assert "Why this model: " in text_of(await made(alice, "jazz at night", at=general))
        named = await made(alice, "jazz at night", mode="ar", at=general)
        assert "Why this model" not in text_of(named)
        assert "Why this model" not in text_of(await made(alice, "jazz at night"))


async def test_the_owner_and_a_server_leave_the_model_to_the_votes_by_default(
    description: Spec, tmp_path: Path
) -> None:
    async with running(description, tmp_path, MODELS=MODELS, DEFAULT_MODE="auto") as bot:
        alice, mina = bot.sandbox.member("alice"), bot.sandbox.member("mina")
        assert "Why this model: no votes on this yet" in text_of(await made(alice, "calm jazz"))
        assert "Why this model" not in text_of(await made(alice, "calm jazz", model="large"))
        assert "Why this model" not in text_of(await made(alice, "calm jazz", preset="study-lofi-ar"))
        await choose(mina, "default_mode", "diffusion")
        clip = await made(alice, "calm jazz")
        assert await model_of(alice, clip) == "some-diffusion"
        assert "Why this model" not in text_of(clip)


async def test_a_preset_keeps_its_model_and_says_which_one_takes_over(
    description: Spec, tmp_path: Path
) -> None:
    async with running(description, tmp_path, MODELS=MODELS) as bot:
        alice = bot.sandbox.member("alice")
        clip = await made(alice, "calm jazz", model="large")
        form = await alice.message_menu("Save as preset", clip)
        assert "model: large" in str(form.modal)
        saved = await alice.submit(form, {"name": "mine"})
        assert "model: large" in text_of(await private(saved))
        assert await model_of(alice, await made(alice, "in rain", preset="mine")) == "large"
        assert await model_of(alice, await made(alice, "in rain", preset="mine", model="small")) == "small"
        other = await made(alice, "in rain", preset="mine", mode="diffusion")
        assert await model_of(alice, other) == "some-diffusion"
        # The default model is not stored: such a preset suits any bot.
        plain = await alice.message_menu("Save as preset", await made(alice, "calm jazz", model="small"))
        assert "model:" not in str(plain.modal)
        wrong = await alice.message_menu("Save as preset", clip)
        refused = await alice.submit(wrong, {"name": "wrong", "settings": "mode: diffusion\nmodel: large"})
        assert "`large` is a model of mode ar" in text_of(await private(refused))

        await bot.kill()
        bot.environment["MODELS"] = "small,some-diffusion"
        await bot.restart()
        clip = await made(alice, "in rain", preset="mine")
        assert await model_of(alice, clip) == "small"
        assert "Why this model: the preset's own, large, isn't on this bot" in text_of(clip)


async def _diffusion_wins(bot: BotProcess, alice: Actor) -> None:
    """Have a duel of two models on jazz end with 20 votes for the diffusion model."""
    music = bot.sandbox.channel("music")
    await alice.slash("duel start", prompt="calm jazz", seconds=2, a="small", b="some-diffusion")
    message: Message = await open_duel(bot, music)
    await alice.slash("duel close", duel="1")
    assert re.search("was (ar|diffusion)", await revealed(bot, message))
    with closing(sqlite3.connect(bot.folder / "antiphon.db", timeout=30)) as connection, connection:
        [(side,)] = connection.execute("SELECT side FROM duel_sides WHERE mode = 'diffusion'").fetchall()
        connection.executemany(
            "INSERT INTO duel_votes (duel_id, voter_id, choice, cast_at, seconds_to_vote, requester)"
            " VALUES (1, ?, ?, 0, 60, 0)",
            [(1_000 + voter, side) for voter in range(20)],
        )
