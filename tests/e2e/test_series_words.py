"""A series whose words a server stops to allow, or Discord refuses: that prompt is left out, and said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.faults import Target
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import WAIT, private, text_in
from tests.e2e.conftest import running
from tests.e2e.test_duels import open_duel, query, said, state_of
from tests.e2e.test_series_result import over, results
from tests.e2e.test_settings import write

FILTER, AUTOMOD = (
    "filter of words and links doesn't let it through",
    "AutoMod doesn't let these words through",
)


@pytest.fixture
async def bot(description: Spec, tmp_path: Path) -> Any:
    async with running(description, tmp_path, MODELS="lofi,hifi", DUEL_ACCOUNT_DAYS="0") as bot:
        yield bot


async def series(alice: Actor, prompts: str, **options: Any) -> str:
    given = {"prompts": prompts, "seconds": 2, "a": "lofi", "b": "hifi", "duels": 3} | options
    return await said(await alice.slash("duel series", given))


def prompts_of(bot: BotProcess) -> list[str]:
    return [prompt for (prompt,) in query(bot, "SELECT prompt FROM duels ORDER BY id")]


async def test_a_prompt_that_the_server_stops_to_allow_is_left_out_and_the_series_ends_with_the_last_one(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    mina = bot.sandbox.member("mina")
    await series(alice, "calm jazz; heavy metal")
    await open_duel(bot, music)
    await write(mina, "moderation", "blocked_words", "metal")
    await alice.slash("duel close", duel="1")
    await open_duel(bot, music, 2)
    assert prompts_of(bot) == ["calm jazz", "calm jazz"]
    await bot.kill()
    await bot.restart()
    standings = await said(await alice.slash("duel standings"))
    assert f"Prompt 2 is left out. This server's {FILTER}" in standings
    assert "metal" not in standings
    await write(mina, "moderation", "blocked_words", "metal\njazz")
    await alice.slash("duel close", duel="2")
    await over(bot)
    [result] = results(music)
    assert "None of its prompts is let through" in text_of(result)
    assert len(prompts_of(bot)) == 2


async def test_a_prompt_that_discord_refuses_is_left_out_though_the_bot_is_killed_over_it(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    def shows_it(target: Target) -> bool:
        return target.operation == "create_message" and "heavy metal" in str(target.body)

    def says_so(target: Target) -> bool:
        return target.operation == "create_message" and "couldn't be started" in str(target.body)

    await series(alice, "calm jazz; heavy metal")
    await open_duel(bot, music)
    refused = bot.sandbox.faults.fail(code=200000, where=shows_it, times=None)
    told = bot.sandbox.faults.hold(where=says_so)
    await alice.slash("duel close", duel="1")
    await told.until_struck()
    await bot.kill()
    told.clear()
    await bot.restart()
    await open_duel(bot, music, 3)
    assert refused.struck == 1, "the prompt is tried once"
    assert prompts_of(bot) == ["calm jazz", "heavy metal", "calm jazz"]
    await alice.slash("duel close", duel="3")
    await open_duel(bot, music, 4)
    await alice.slash("duel close", duel="4")
    await over(bot)
    [result] = results(music)
    assert "3 of 3 duels" in text_of(result)
    assert f"Prompt 2 is left out. This server's {AUTOMOD}" in text_of(result)
    assert state_of(bot, 2) == "failed"


async def test_automod_reads_every_prompt_before_the_first_clip(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    music.block_words("forbidden")
    asked = {"prompts": "forbidden jazz; calm jazz", "seconds": 2, "a": "lofi", "b": "hifi"}
    begun = await (await alice.slash("duel series", asked)).finished(WAIT)
    await text_in(begun, f"Prompt 1 is left out. This server's {AUTOMOD}", bot.sandbox)
    await open_duel(bot, music)
    assert prompts_of(bot) == ["calm jazz"]
    await alice.slash("duel stop")
    await over(bot)
    assert not any("forbidden" in text_of(one) for one in music.messages)
    asked = {"prompts": "forbidden jazz; a forbidden tune", "seconds": 2, "a": "lofi", "b": "hifi"}
    refused = await alice.slash("duel series", asked)
    assert AUTOMOD in text_of(await private(refused))
    assert query(bot, "SELECT count(*) FROM series") == [(1,)]


async def test_the_words_of_a_preset_give_no_side_of_a_series_away(
    bot: BotProcess, alice: Actor, music: ChannelHandle
) -> None:
    offered = await alice.autocomplete("duel series", "a", "")
    preset = next(choice["name"] for choice in offered if "preset, ar" in choice["name"])
    await series(alice, "rain", a=preset)
    duel = await open_duel(bot, music)
    assert prompts_of(bot) == ["rain"]
    assert "rain\n" in text_of(duel)
    recipes = {prompt for (prompt,) in query(bot, "SELECT json_extract(recipe, '$.prompt') FROM jobs")}
    [words] = recipes - {"rain"}
    assert words not in text_of(duel)
