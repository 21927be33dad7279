"""What the owner reads when something is missing or wrong; each ends the program with its exit code."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.limits import Limits
from sandbox.server import Sandbox
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import ask, eventually, made, rendering, text_in
from tests.e2e.conftest import running

BAD_INPUT, BROKEN = 2, 1


async def test_a_wrong_token_is_said(description: Spec, tmp_path: Path) -> None:
    async with Sandbox(limits=Limits.none(), spec=description) as sandbox:
        bot = BotProcess(sandbox, tmp_path, DISCORD_TOKEN="wrong-but-long-enough-token")
        await bot.start()
        assert await bot.ended() == BAD_INPUT
    assert any("Discord refused DISCORD_TOKEN" in line for line in bot.lines)
    assert not any("Traceback" in line or "wrong-but-long" in line for line in bot.lines)


async def test_a_token_revoked_while_running_ends_the_bot_and_keeps_the_clip(
    description: Spec, tmp_path: Path
) -> None:
    async with running(description, tmp_path) as bot:
        alice = bot.sandbox.member("alice")
        await rendering(alice, "tune")
        token = bot.sandbox.world.bot_token
        bot.sandbox.world.bot_token = "another"
        bot.sandbox.clock.advance(16 * 60)
        bot.let_through()
        assert await bot.ended() == BAD_INPUT
        assert any("no longer accepts DISCORD_TOKEN" in line for line in bot.lines)
        bot.sandbox.world.bot_token = token
        await bot.restart()
        music = bot.sandbox.channel("music")
        await music.wait_for(lambda message: bool(message.attachments), timeout=90)


async def test_a_revoked_token_is_noticed_at_the_gateway(description: Spec, tmp_path: Path) -> None:
    async with running(description, tmp_path) as bot:
        bot.sandbox.world.bot_token = "another"
        bot.sandbox.faults.invalidate_sessions()
        assert await bot.ended() == BAD_INPUT
        assert any("Discord refused DISCORD_TOKEN" in line for line in bot.lines)


async def test_no_connection_leaves_loopback(description: Spec, tmp_path: Path) -> None:
    watch = tmp_path / "watch"
    watch.mkdir()
    (watch / "sitecustomize.py").write_text(_WATCH)
    seen = tmp_path / "addresses"
    async with running(description, tmp_path, PYTHONPATH=str(watch), ADDRESSES=str(seen)) as bot:
        await made(bot.sandbox.member("alice"), "at home")
        bot.sandbox.faults.invalidate_sessions()
        await eventually(lambda: sum("is online in" in line for line in bot.lines) == 2, "the second READY")
        await made(bot.sandbox.member("alice"), "still at home")
    hosts = {line.split()[1] for line in seen.read_text().splitlines()}
    assert hosts == {"127.0.0.1"}


_WATCH = """
import os, sys

def watch(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    with open(os.environ["ADDRESSES"], "a") as file:
        print("connect" if event == "socket.connect" else "lookup", host, file=file)

sys.addaudithook(watch)
"""


async def test_a_second_bot_on_the_same_database_is_refused(description: Spec, tmp_path: Path) -> None:
    async with running(description, tmp_path) as bot:
        second = BotProcess(bot.sandbox, tmp_path)
        await second.start()
        assert await second.ended() == BROKEN
        assert any("Another bot is using" in line for line in second.lines)


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
async def test_a_second_bot_on_the_same_file_by_another_name_is_refused(
    description: Spec, tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    async with running(description, tmp_path) as bot:
        other = tmp_path / "other.db"
        link(other, tmp_path / "antiphon.db")
        second = BotProcess(bot.sandbox, tmp_path, DATABASE_PATH=str(other))
        await second.start()
        assert await second.ended() == BROKEN
        assert any("Another bot is using" in line for line in second.lines)


async def test_a_mode_whose_model_is_missing_is_not_offered(description: Spec, tmp_path: Path) -> None:
    async with running(description, tmp_path, DIFFUSION_MODEL="absent") as bot:
        alice = bot.sandbox.member("alice")
        message = await made(alice, "the other mode is not there")
        assert any(
            "model absent is not available: The model absent is not there" in line for line in bot.lines
        )
        refusal = await (await alice.click(message, "Try diffusion")).followup()
        assert "No model is installed for mode diffusion" in refusal.content


async def test_without_any_model_the_bot_says_so(description: Spec, tmp_path: Path) -> None:
    async with running(description, tmp_path, AR_MODEL="absent", DIFFUSION_MODEL="absent") as bot:
        answer = await (
            await bot.sandbox.member("alice").slash("music", prompt="anything", mode="ar")
        ).finished()
        assert "No model is installed for mode ar" in answer.content
        await bot.printed("no model is installed")


async def test_a_model_that_cannot_be_loaded_fails_its_clips_and_says_why_in_the_log(
    description: Spec, tmp_path: Path
) -> None:
    async with running(description, tmp_path, AR_MODEL="corrupt") as bot:
        alice = bot.sandbox.member("alice")
        message = await (await ask(alice, "anything", mode="ar")).finished()
        await text_in(message, "The ar model corrupt can't be loaded", bot.sandbox)
        await bot.printed("model.safetensors is damaged: fetch it again")
        await made(alice, "the other mode works", mode="diffusion")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes another way")
@pytest.mark.parametrize("signals", [1, 2], ids=["once", "by its group and by its parent"])
async def test_sigterm_ends_it_in_order(description: Spec, tmp_path: Path, signals: int) -> None:
    async with running(description, tmp_path) as bot:
        await made(bot.sandbox.member("alice"), "before the end")
        bot.process.terminate()
        for _ in range(signals - 1):
            # The first one is being handled. Discord, in this thread, answers nothing meanwhile, so the bot
            # is still there.
            time.sleep(0.05)
            bot.process.terminate()
        assert await bot.ended() == 0
        assert not any("Traceback" in line for line in bot.lines)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads the environment in /proc")
async def test_no_child_process_is_given_the_token(description: Spec, tmp_path: Path) -> None:
    async with running(description, tmp_path) as bot:
        alice = bot.sandbox.member("alice")
        await made(alice, "so that there is a worker")
        await (await alice.slash("leaderboard")).finished()
        children = bot.children()
        assert len(children) >= 2, "the worker, and the process that draws leaderboards"
        for child in children:
            environment = (child / "environ").read_bytes()
            assert b"PATH=" in environment
            assert bot.sandbox.bot_token.encode() not in environment, (child / "cmdline").read_bytes()
