"""The built-in models and a MusicGen in its published format in one bot: choice, duel, votes, `mode:auto`."""

from __future__ import annotations

import io
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from PIL import Image

from benchmarks.duels import fill
from bot.arena.votes import Arm
from bot.config import BUILTIN_AR, BUILTIN_DIFFUSION
from bot.recipe import Mode
from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.spec import Spec
from tests.arena.community import votes_among
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import WAIT, carries_clip, made, pressed, private, queued
from tests.e2e.conftest import running
from tests.e2e.test_duels import HEARD, open_duel, query, revealed, said
from tests.engines.checkpoint_files import write_musicgen
from tests.program import ENGINES

pytestmark = pytest.mark.asyncio(loop_scope="module")

MUSICGEN = "musicgen-tiny"
MODELS = (BUILTIN_AR, BUILTIN_DIFFUSION, MUSICGEN)
STRENGTHS = {
    Arm(Mode.AR, BUILTIN_AR): 0.9,
    Arm(Mode.DIFFUSION, BUILTIN_DIFFUSION): 0.0,
    Arm(Mode.AR, MUSICGEN): -0.9,
}
"""In logits, of the community whose votes the leaderboard is drawn from."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(description: Spec, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotProcess]:
    """A running bot with the program's own engines and three models."""
    folder = tmp_path_factory.mktemp("three")
    models = [BUILTIN_AR, BUILTIN_DIFFUSION, str(write_musicgen(folder / MUSICGEN))]
    environment = {ENGINES: "bot.engines.registry", "MODELS": ",".join(models), "DUEL_ACCOUNT_DAYS": "0"}
    async with running(description, folder, **environment) as bot:
        yield bot


async def model_of(actor: Actor, message: Any) -> str:
    shown = await private(await pressed(actor, message, "Details"))
    value = str(next(f["value"] for f in shown.embeds[0]["fields"] if f["name"] == "Model"))
    return value[value.index("(`") + 2 : -2]


async def test_each_model_is_chosen_by_name_and_makes_a_clip(bot: BotProcess, alice: Actor) -> None:
    offered = [choice["name"] for choice in await alice.autocomplete("music", "model", "", prompt="a tune")]
    assert offered == [
        f"{BUILTIN_AR} · ar · MIT · no clip made here yet",
        f"{BUILTIN_DIFFUSION} · diffusion · MIT · no clip made here yet",
        f"{MUSICGEN} · ar · CC-BY-NC-4.0 · no clip made here yet",
    ]
    for name in MODELS:
        clip = await made(alice, "calm jazz", model=name, seconds=5)
        assert await model_of(alice, clip) == name
        [mp3] = [one for one in clip.attachments if one.filename.endswith(".mp3")]
        assert len(bot.sandbox.bytes_of(mp3)) > 10_000
    await bot.kill()
    await bot.restart()
    offered = [choice["name"] for choice in await alice.autocomplete("music", "model", "", prompt="a tune")]
    for name, said_of in zip(MODELS, offered, strict=True):
        assert re.fullmatch(rf"{name} · \w+ · [\w\- .]+ · (a few seconds|about .+) a clip", said_of)


async def test_two_ar_models_meet_and_a_leaderboard_of_three_is_drawn(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    people = {name: bot.sandbox.member(name) for name in ("alice", "bob", "carol", "mina", "host")}
    await alice.slash("duel start", prompt="calm jazz", seconds=5, a=BUILTIN_AR, b=MUSICGEN)
    duel = await open_duel(bot, music)
    shown = text_of(duel).lower()
    assert not any(name in shown for name in MODELS)
    sides = dict(query(bot, "SELECT model, side FROM duel_sides WHERE duel_id = 1"))
    bot.sandbox.clock.advance(HEARD)
    await bot.kill()
    await bot.restart()
    of_musicgen = next(side for model, side in sides.items() if MUSICGEN in model)
    of_built_in = sides[BUILTIN_AR]
    for name in people:
        side = of_musicgen if name == "bob" else of_built_in
        assert "Your vote" in await said(await people[name].click(duel, side.upper()))
    await alice.click(duel, "Close")
    told = await revealed(bot, duel)
    assert f"4 : 1 for {of_built_in.upper()} ({BUILTIN_AR})" in told
    assert f"{of_musicgen.upper()} was {MUSICGEN}" in told

    # 20 more people, whose duels nobody could wait for here.
    others = votes_among(STRENGTHS, duels=30, people=20, built_in=True)
    fill(bot.folder / "antiphon.db", others, music.channel.guild_id or 0)
    board = await (await alice.slash("leaderboard")).finished(WAIT)
    [picture] = board.attachments
    words = picture.description or ""
    assert f"Leading: {BUILTIN_AR}" in words
    ranked = re.findall(r"(\S+) \((?:ar|diffusion)\): \d+–\d+ % \(\d+ wins, \d+ losses\)", words)
    assert ranked[:3] == list(MODELS), "by strength"
    assert "25 people · 31 duels" in words
    png = np.asarray(Image.open(io.BytesIO(bot.sandbox.bytes_of(picture))).convert("RGB"))
    assert png.shape[1] == 800


async def test_auto_takes_what_the_votes_prefer_among_the_three(bot: BotProcess, alice: Actor) -> None:
    clips = [await made(alice, "calm jazz", mode="auto", seed=seed, seconds=5) for seed in range(4)]
    chosen = [await model_of(alice, clip) for clip in clips]
    assert chosen.count(BUILTIN_AR) >= 3
    card = text_of(clips[chosen.index(BUILTIN_AR)])
    assert re.search(rf"Why this model: \d+ votes on jazz here, \d+ to \d+ for {BUILTIN_AR}", card)


async def test_requests_for_models_that_do_not_fit_together_swap_seldom(
    description: Spec, tmp_path: Path
) -> None:
    """Two MusicGens with memory for one, six requests that alternate between them."""
    names = ("first", "second")
    folders = [str(write_musicgen(tmp_path / name, seed=seed)) for seed, name in enumerate(names)]
    environment = {
        ENGINES: "bot.engines.registry",
        "MODELS": ",".join(folders),
        "MODEL_MEMORY_GB": "0.0001",
    }
    async with running(description, tmp_path, **environment) as bot:
        alice, bob = bot.sandbox.member("alice"), bot.sandbox.member("bob")
        # A longer clip goes ahead, so that all of them are queued while the worker is busy.
        answers = [await queued(bot.sandbox.member("carol"), "a tune", seconds=20, model="first")]
        for _ in range(3):
            for who, name in ((alice, "second"), (bob, "first")):
                answers.append(await queued(who, "a tune", model=name))
        for answer in answers:
            await carries_clip(answer, bot.sandbox)
        with closing(sqlite3.connect(bot.folder / "antiphon.db")) as database:
            rows = database.execute("SELECT json_extract(recipe, '$.model') FROM jobs ORDER BY claimed_at")
            order = [Path(model).name for (model,) in rows]
        swaps = sum(one != other for one, other in pairwise(order))
        assert 1 <= swaps <= 2, order
