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
        assert "Chosen by auto: no votes on this yet" in text_of(first)
        again = await made(alice, "calm jazz", mode="auto", seed=5)
        assert await model_of(alice, first) == await model_of(alice, again), "the seed decides the draw"

        await _diffusion_wins(bot, alice)
        clips = [await made(alice, "jazz at night", mode="auto", seed=seed) for seed in range(6)]
        chosen = [await model_of(alice, clip) for clip in clips]
        assert sum("some-diffusion" in one for one in chosen) >= 3
        by_diffusion = clips[next(i for i, one in enumerate(chosen) if "some-diffusion" in one)]
        assert "Chosen by auto: 20 votes on jazz here, 20 to 0 for some-diffusion" in text_of(by_diffusion)
        # What only some models take leaves the others out, whatever was drawn.
        taken = await made(alice, "jazz at night", mode="auto", steps=20)
        assert "some-diffusion" in await model_of(alice, taken)
        refused = await alice.slash("music", prompt="jazz", mode="auto", preset="lofi")
        assert "A preset has a mode of its own" in text_of(await refused.finished())

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
        here = await alice.slash("music", prompt="jazz", mode="auto", at=general)
        assert "This channel's preset has a mode of its own" in text_of(await private(here))


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
