"""A start while Discord refuses the commands, answers 5xx or cannot be reached; and what a start prints."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.limits import Limits
from sandbox.model import Command
from sandbox.server import Sandbox
from sandbox.spec import Spec
from tests.e2e.bot_process import ROOT, BotProcess
from tests.e2e.clips import eventually

BAD_INPUT, BROKEN = 2, 1
SYNC, LIST = "bulk_set_application_commands", "list_application_commands"


@pytest.fixture
async def discord(description: Spec) -> AsyncIterator[Sandbox]:
    async with Sandbox(limits=Limits.none(), spec=description) as sandbox:
        yield sandbox


@pytest.fixture
async def bot(discord: Sandbox, tmp_path: Path) -> AsyncIterator[BotProcess]:
    """A bot that is not started yet."""
    bot = BotProcess(discord, tmp_path)
    yield bot
    await bot.kill()
    print("\n".join(bot.lines[-60:]))


def no_traceback(bot: BotProcess) -> bool:
    return not any("Traceback" in line for line in bot.lines)


async def registered(discord: Sandbox) -> None:
    await discord.until(lambda: "music" in discord.member("alice").commands(), 90, "the commands")


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (None, 50240, r"\(400, code 50240: You cannot remove this app's Entry Point"),
        (None, 50035, r"\(400, code 50035: Invalid Form Body"),
        (None, 50001, r"\(403, code 50001: Missing Access"),
        (503, None, r"\(503, code 0"),
    ],
)
async def test_refused_commands_are_one_sentence_and_tried_again(
    discord: Sandbox, bot: BotProcess, status: int | None, code: int | None, said: str
) -> None:
    discord.faults.fail(status, code=code, operation=SYNC)
    await bot.start()
    await discord.ready()
    await bot.printed(
        f"Discord did not take the commands {said}.* The bot runs on with those registered before"
    )
    await registered(discord)
    assert no_traceback(bot)


async def test_a_long_rate_limit_on_the_commands_holds_nothing_up(discord: Sandbox, bot: BotProcess) -> None:
    discord.faults.rate_limit(120, operation=SYNC)
    await bot.start()
    await discord.ready()
    await bot.printed("Discord lets the registration of the commands wait")
    bot.process.terminate()
    assert await bot.ended() == 0
    assert no_traceback(bot)


async def test_commands_are_sent_only_when_something_changed(discord: Sandbox, bot: BotProcess) -> None:
    bot.environment["LOG_LEVEL"] = "debug"  # where nothing is said of commands that stay
    await bot.start()
    await registered(discord)
    before = {command.id: command.version for command in discord.world.commands.values()}
    await bot.printed("registered [0-9]+ commands")
    await bot.kill()

    await bot.restart()
    await bot.printed("the commands are registered already")
    assert {command.id: command.version for command in discord.world.commands.values()} == before
    await bot.kill()

    # Another program with the same token registered others meanwhile.
    discord.world.set_commands([next(iter(discord.world.commands.values()))], [])
    await bot.restart()
    await eventually(lambda: len(discord.world.commands) == len(before), "all commands again")
    await bot.kill()

    # Other models have other options.
    bot.environment["AR_MODEL"] = "absent"
    bot.lines.clear()
    await bot.restart()
    await bot.printed("registered [0-9]+ commands|registered already")


async def test_an_entry_point_command_stays(discord: Sandbox, bot: BotProcess) -> None:
    body = {
        "type": 4,
        "name": "launch",
        "description": "",
        "handler": 2,
        "nsfw": False,
        "integration_types": [0, 1],
        "contexts": None,
        "default_member_permissions": None,
    }
    launch = Command(discord.world.ids.next(), 4, "launch", discord.world.ids.next(), None, body)
    discord.world.set_commands([], [launch])
    discord.install_contexts(user=True, entry_point=True)
    await bot.start()
    await registered(discord)
    assert [one.name for one in discord.world.commands.values() if one.type == 4] == ["launch"]
    assert no_traceback(bot)


@pytest.mark.parametrize("kept", [[0], [1]])
async def test_commands_are_narrowed_to_the_installations_supported(
    discord: Sandbox, bot: BotProcess, kept: list[int]
) -> None:
    discord.install_contexts(guild=0 in kept, user=1 in kept)
    await bot.start()
    await bot.printed("registered [0-9]+ commands")
    bodies = {one.name: one.body for one in discord.world.commands.values()}
    assert {tuple(body["integration_types"]) for body in bodies.values()} == {tuple(kept)}
    assert ("duel" in bodies) == (kept == [0])
    if kept == [0]:
        assert not any(2 in (body["contexts"] or []) for body in bodies.values())


@pytest.mark.parametrize("user_install", [True, False])
async def test_the_links_of_every_supported_installation_are_printed(
    discord: Sandbox, bot: BotProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, user_install: bool
) -> None:
    discord.install_contexts(user=user_install)
    said = discord.payloads.application
    monkeypatch.setattr(discord.payloads, "application", lambda: said() | {"bot_public": user_install})
    watch = tmp_path / "real"
    watch.mkdir()
    # The links are printed for Discord itself alone: take this one for it.
    (watch / "sitecustomize.py").write_text(
        "import os\n"
        "if 'DISCORD_TOKEN' in os.environ:\n"
        "    import bot.connection, bot.config\n"
        "    bot.config.DISCORD = os.environ['DISCORD_API_URL']\n"
    )
    bot.environment["PYTHONPATH"] = os.pathsep.join([str(watch), str(ROOT)])
    await bot.start()
    server = await bot.printed(r"Add the bot to a server: (\S+)")
    assert f"client_id={discord.application_id}" in server[1]
    assert "scope=bot+applications.commands" in server[1]
    assert "integration_type=0" in server[1]
    if user_install:
        account = await bot.printed(r"Add the bot to your own account: (\S+)")
        assert "scope=applications.commands&" in account[1]
        assert account[1].endswith("integration_type=1")
        await bot.printed("The bot is public")
    else:
        await bot.printed("It cannot be added to accounts")
        assert not any("bot is public" in line for line in bot.lines)


@pytest.mark.parametrize("operation", ["get_my_user", "get_my_oauth2_application", "get_bot_gateway"])
async def test_a_server_error_at_start_is_waited_out(
    discord: Sandbox, bot: BotProcess, operation: str
) -> None:
    discord.faults.fail(503, operation=operation, times=2)
    await bot.start()
    await bot.printed(r"Discord can't be reached at \S+ \(status 503\)\. Trying again in 2 s")
    await bot.printed(r"Trying again in 5 s")
    await discord.ready()
    await registered(discord)
    assert no_traceback(bot)
    assert not any("Unclosed" in line for line in bot.lines)


async def test_no_network_at_start_is_waited_out(description: Spec, tmp_path: Path) -> None:
    history = tmp_path / "discord.sqlite3"
    async with Sandbox(history, limits=Limits.none(), spec=description) as discord:
        bot = BotProcess(discord, tmp_path)
        port = discord.port
    await bot.start()
    await bot.printed(r"Discord can't be reached at \S+ \(ClientConnectorError.*Trying again in 2 s")
    async with Sandbox(history, port=port, limits=Limits.none(), spec=description) as discord:
        await discord.ready()
        await registered(discord)
        await bot.kill()
    assert no_traceback(bot)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes another way")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
async def test_the_wait_for_discord_can_be_ended(
    description: Spec, tmp_path: Path, ending: signal.Signals
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/api/v10"
    async with Sandbox(spec=description) as discord:
        bot = BotProcess(discord, tmp_path, DISCORD_API_URL=address)
        await bot.start()
        await bot.printed("Trying again in")
        bot.process.send_signal(ending)
        assert await bot.ended() == 0
    assert no_traceback(bot)


async def test_a_token_refused_at_the_gateway_s_address_ends_at_once(
    discord: Sandbox, bot: BotProcess
) -> None:
    discord.faults.fail(401, operation="get_bot_gateway")
    await bot.start()
    assert await bot.ended() == BAD_INPUT
    assert any("Discord refused DISCORD_TOKEN" in line for line in bot.lines)
    assert no_traceback(bot)


async def test_another_refusal_of_the_login_ends_with_its_sentence(discord: Sandbox, bot: BotProcess) -> None:
    discord.faults.fail(404, operation="get_my_user")
    await bot.start()
    assert await bot.ended() == BROKEN
    assert any("refused the login (status 404). Check DISCORD_API_URL." in line for line in bot.lines)
    assert no_traceback(bot)
