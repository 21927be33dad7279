"""The log of a running bot and its worker: ids in its lines, JSON where it is asked for, never a secret."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import ask, clip_of, made, queued, text_in
from tests.e2e.conftest import running
from tests.tone import SECRET


async def a_clip_and_a_failure(bot: BotProcess) -> None:
    """Make a clip, then one whose engine prints a token and raises an error with it."""
    await made(bot.sandbox.member("alice"), "a tune")
    await a_failure(bot)


async def a_failure(bot: BotProcess) -> None:
    """Make a clip whose engine prints a token and raises an error with it, and end the bot."""
    message = await queued(bot.sandbox.member("alice"), "leaking")
    await text_in(message, "did not work", bot.sandbox)
    await bot.printed("downloading with")
    bot.process.terminate()
    await bot.ended()


def ids_of(bot: BotProcess) -> dict[str, int | None]:
    return {
        "member_id": bot.sandbox.member("alice").id,
        "server_id": bot.sandbox.channel("music").channel.guild_id,
    }


async def test_each_line_of_json_parses_and_names_job_member_and_server(
    description: Spec, tmp_path: Path
) -> None:
    async with running(description, tmp_path, LOG_FORMAT="json") as bot:
        await a_clip_and_a_failure(bot)
        events: list[dict[str, Any]] = [json.loads(line) for line in bot.lines]
        ids = ids_of(bot)
    assert all({"timestamp", "level", "logger", "event", "process"} <= event.keys() for event in events)
    [begun, begun_too] = [event for event in events if "is begun by" in event["event"]]
    assert begun | {"process": "worker", "worker": 0, "job_id": 1} | ids == begun
    assert begun_too["job_id"] == 2
    [printed] = [event for event in events if "downloading with" in event["event"]]
    assert printed | {"process": "worker", "worker": 0, "job_id": 2} | ids == printed
    [failed] = [event for event in events if "job 2 failed" in event["event"]]
    assert failed | {"process": "bot", "job_id": 2} | ids == failed
    assert failed["level"] == "warning"
    assert "ValueError" in failed["event"]


@pytest.mark.parametrize("style", ["pretty", "json"])
async def test_no_secret_is_in_the_log(style: str, description: Spec, tmp_path: Path) -> None:
    async with running(description, tmp_path, LOG_FORMAT=style, LOG_LEVEL="debug") as bot:
        fault = bot.sandbox.faults.fail(403, operation="update_original_webhook_message")
        reply = await ask(bot.sandbox.member("alice"), "held tune")
        # Before there is a clip, so that it is an edit of the progress that fails.
        await fault.until_struck()
        bot.let_through()
        await clip_of(reply)
        await a_failure(bot)
        tokens = {bot.sandbox.bot_token, SECRET, *SECRET.split(".")[2:]}
        tokens |= {one.token for one in bot.sandbox.world.interactions.values()}
        text = "\n".join(bot.lines)
    assert "[secret]" in text
    assert [token for token in tokens if token in text] == []


async def test_a_pretty_line_ends_with_its_ids(description: Spec, tmp_path: Path) -> None:
    async with running(description, tmp_path) as bot:
        await a_clip_and_a_failure(bot)
        ids = " ".join(f"{name}={value}" for name, value in ids_of(bot).items())
        await asyncio.wait_for(bot.printed(rf"worker: job 1 is begun by .* \[worker=0 job_id=1 {ids}\]$"), 5)
