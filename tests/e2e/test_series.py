"""A series of duels among three models, from the command to its result."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sandbox.actors import text_of
from sandbox.model import Message
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import eventually, private
from tests.e2e.conftest import running
from tests.e2e.test_duels import HEARD, open_duel, query, said
from tests.e2e.test_settings import choose

MODELS = "lofi,hifi,some-diffusion"


@pytest.fixture
async def bot(description: Spec, tmp_path: Path) -> Any:
    async with running(description, tmp_path, MODELS=MODELS, DUEL_ACCOUNT_DAYS="0") as bot:
        yield bot


async def series(bot: BotProcess, **options: Any) -> str:
    given: dict[str, Any] = {
        "prompts": "calm jazz; heavy metal",
        "seconds": 2,
        "a": "lofi",
        "b": "hifi",
        "c": "diffusion",
    }
    return await said(await bot.sandbox.member("alice").slash("duel series", **(given | options)))


async def result(bot: BotProcess) -> str:
    def found() -> list[Message]:
        titled = (m for m in bot.sandbox.channel("music").messages if m.embeds)
        return [m for m in titled if re.fullmatch(r"Series \d+ is over", m.embeds[0].get("title", ""))]

    await eventually(lambda: bool(found()), "the result of the series")
    assert len(found()) == 1
    assert "<@" in found()[0].content
    return text_of(found()[0])


async def test_a_series_goes_on_after_a_restart_and_ends_with_its_standings(bot: BotProcess) -> None:
    alice, bob, music = bot.sandbox.member("alice"), bot.sandbox.member("bob"), bot.sandbox.channel("music")
    begun = await series(bot, duels=2)
    assert "Series 1** of 2 duels: lofi, hifi, some-diffusion" in begun
    first = await open_duel(bot, music)
    shown = text_of(first)
    assert "calm jazz" in shown
    assert not any(name in shown for name in MODELS.split(","))
    again = await alice.slash("duel series", prompts="calm jazz", seconds=2, a="lofi", b="hifi")
    assert "You already have a series running" in text_of(await private(again))
    bot.sandbox.clock.advance(HEARD)
    assert "Your vote: A" in (await said(await bob.click(first, "A"))).replace("*", "")
    # Before the duel is closed its votes are nobody's to see.
    assert "0 of 2 duels · 0 votes" in await said(await alice.slash("duel standings"))
    await alice.slash("duel close", duel="1")
    await open_duel(bot, music, 2)
    assert "1 of 2 duels · 1 vote" in await said(await alice.slash("duel standings", series="1"))

    await bot.kill()
    await bot.restart()
    [(second,)] = query(bot, "SELECT prompt FROM duels WHERE id = 2")
    assert second == "heavy metal"
    assert query(bot, "SELECT count(*) FROM duels") == [(2,)]
    sides = query(bot, "SELECT model, contender FROM duel_sides")
    assert set(sides) <= {("lofi", 0), ("hifi", 1), ("some-diffusion", 2)}
    await alice.slash("duel close", duel="2")
    text = await result(bot)
    assert "2 of 2 duels · 1 vote" in text
    [(winner,)] = query(
        bot, "SELECT model FROM duel_sides JOIN duel_votes USING (duel_id) WHERE side = choice"
    )
    assert re.search(rf"{winner} · 1 : 0", text)
    assert "too few to tell" in text
    assert f"{len(query(bot, 'SELECT 1 FROM duels'))} duels" == "2 duels"
    assert not [m for m in music.messages if re.search(r"Duel \d is over: ", m.content)], (
        "told once, at the end"
    )


async def test_a_series_is_stopped_by_its_member_with_the_duel_that_is_open(bot: BotProcess) -> None:
    bob, music = bot.sandbox.member("bob"), bot.sandbox.channel("music")
    assert "This server has no series yet" in await said(await bob.slash("duel standings"))
    await series(bot)
    await open_duel(bot, music)
    assert "Only the person who started the series" in await said(await bob.slash("duel stop"))
    offered = await bob.autocomplete("duel stop", "series", "lofi")
    assert offered[0]["name"].startswith("#1 · running · lofi, hifi")
    alice = bot.sandbox.member("alice")
    assert "Series 1 is over" in await said(await alice.slash("duel stop", series=offered[0]["name"]))
    assert "stopped with /duel stop" in await result(bot)
    assert query(bot, "SELECT state FROM duels") == [("revealed",)]
    assert "already over" in await said(await alice.slash("duel stop", series="1"))
    assert "can't find that series" in await said(await alice.slash("duel stop", series="nothing"))
    assert "There is no series 9" in await said(await alice.slash("duel standings", series="9"))


async def test_a_series_ends_where_the_server_no_longer_allows_its_clips(bot: BotProcess) -> None:
    alice, mina, music = bot.sandbox.member("alice"), bot.sandbox.member("mina"), bot.sandbox.channel("music")
    await series(bot)
    await open_duel(bot, music)
    await choose(mina, "modes", "ar")
    # The settled pair may be of ar alone, so all that remains for the next one is forbidden.
    for number in range(1, 9):
        await alice.slash("duel close", duel=str(number))
        await eventually(partial(moved_on, bot, number + 1), "the next duel, or the end")
        if query(bot, "SELECT 1 FROM series WHERE state <> 'running'"):
            break
        await open_duel(bot, music, number + 1)
    assert "diffusion" in await result(bot)


def moved_on(bot: BotProcess, number: int) -> bool:
    ended = "SELECT 1 FROM series WHERE state <> 'running'"
    return bool(query(bot, ended) or query(bot, f"SELECT 1 FROM duels WHERE id = {number}"))


async def test_what_makes_no_series_is_refused_in_words(bot: BotProcess) -> None:
    assert "Both sides would be made alike" in await series(bot, c="lofi")
    assert "There is `lofi`, `hifi`" in await series(bot, a="nothing")
    assert "up to 10 prompts, not 11" in await series(bot, prompts=";".join("abcdefghijk"))
    assert "can last" in await series(bot, seconds=500)
    assert query(bot, "SELECT count(*) FROM series") == [(0,)]


async def test_a_series_ends_with_the_name_of_a_model_that_is_gone(bot: BotProcess) -> None:
    music = bot.sandbox.channel("music")
    await series(bot, c=None)
    await open_duel(bot, music)
    await bot.kill()
    bot.environment["MODELS"] = "lofi,some-diffusion"
    await bot.restart()
    await bot.sandbox.member("alice").slash("duel close", duel="1")
    assert "hifi" in await result(bot)
