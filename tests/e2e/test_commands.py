"""Commands as clients really send them: of an older version, and answered in two parts."""

from __future__ import annotations

import pytest

from benchmarks.duels import fill
from bot.arena.votes import ExcludedReason
from bot.local import WELCOME
from sandbox.actors import Actor, text_of
from sandbox.options import path_of
from tests.arena.community import vote
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import WAIT, private

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_client_with_an_older_command_is_told_to_reload(bot: BotProcess, alice: Actor) -> None:
    [command] = [one for one in bot.sandbox.world.commands_of(None) if one.name == "about"]
    command.name = "describe"
    try:
        answer = await private(await alice.slash("describe"))
    finally:
        command.name = "about"
    assert "This command has changed. Reload Discord" in text_of(answer)
    assert not [line for line in bot.lines if "Traceback" in line]


async def test_an_option_that_came_since_is_a_change_too(bot: BotProcess, alice: Actor) -> None:
    [command] = [one for one in bot.sandbox.world.commands_of(None) if one.name == "music"]
    known = command.body["options"]
    command.body["options"] = []
    try:
        answer = await private(await alice.slash("music"))
    finally:
        command.body["options"] = known
    assert "This command has changed. Reload Discord" in text_of(answer)


async def test_the_sandbox_s_welcome_offers_commands_that_there_are(bot: BotProcess) -> None:
    commands = {one.name: one for one in bot.sandbox.world.commands_of(None)}
    for starter in WELCOME["starters"]:
        name = starter["command"]
        options = {option["name"] for option in path_of(commands[name.split()[0]], name).options}
        assert starter["options"].keys() <= options
    assert "/music" in WELCOME["hint"]


async def test_a_leaderboard_stays_where_its_second_part_is_refused(bot: BotProcess) -> None:
    mina = bot.sandbox.member("mina")
    # The second part is about votes that do not count, and is left out where there are none.
    guild_id = bot.sandbox.channel("music").channel.guild_id or 0
    quick = vote(100, 1000, excluded=ExcludedReason.TOO_QUICK, built_in=True)
    fill(bot.folder / "antiphon.db", [quick], guild_id)
    refused = bot.sandbox.faults.fail(403, code=50013, operation="execute_webhook")
    reply = await mina.slash("leaderboard")
    board = await reply.finished(WAIT)
    await refused.until_struck()
    await bot.printed("counts of excluded votes were not shown")
    assert mina.sees(board)
    assert board.attachments
