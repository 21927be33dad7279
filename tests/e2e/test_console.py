"""The owner's console and /setup check, in a running bot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.defaults import ELSEWHERE
from sandbox.model import Permission
from sandbox.spec import Spec
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import carries_clip, eventually, made, private, queued, rendering
from tests.e2e.conftest import running

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(description: Spec, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotProcess]:
    async with running(description, Path(tmp_path_factory.mktemp("console"))) as bot:
        host = bot.sandbox.member("host")
        await bot.sandbox.until(lambda: "admin" in host.commands(), 60, "the console")
        yield bot


@pytest.fixture
def host(bot: BotProcess) -> Actor:
    return bot.sandbox.member("host")


async def said(actor: Actor, command: str, **options: object) -> str:
    return text_of(await private(await actor.slash(command, options)))


async def test_it_is_offered_to_the_owner_alone(bot: BotProcess, host: Actor) -> None:
    for name in ("alice", "bob", "mina"):
        assert "admin" not in bot.sandbox.member(name).commands()
    assert "admin" in host.commands()
    assert "admin" not in host.commands(bot.sandbox.dm("host"))


async def test_who_is_granted_it_by_the_server_is_still_refused(bot: BotProcess) -> None:
    mina = bot.sandbox.member("mina")
    bot.sandbox.guild().grant_command("admin", mina)
    for command in ("status", "pause", "drain", "resume", "restart-worker", "leave"):
        assert "Only the bot's owner can use this." in await said(mina, f"admin {command}")


async def test_the_last_day_is_shown(bot: BotProcess, host: Actor, alice: Actor) -> None:
    await made(alice, "something to count")
    answer = await private(await host.slash("admin status"))
    text = text_of(answer)
    assert "**Running**, in 1 server" in text
    assert "1 clip made, 0 failed, 0 waiting" in text
    assert "a second of audio, in 1 clip" in text
    [picture] = answer.attachments
    assert "1 clip made" in (picture.description or "")
    with Image.open(BytesIO(bot.sandbox.bytes_of(picture))) as image:
        assert image.width == 800


async def test_a_pause_outlives_a_restart_and_loses_nothing(
    bot: BotProcess, host: Actor, alice: Actor
) -> None:
    assert "Paused." in await said(host, "admin pause")
    waiting = await queued(alice, "held patience")
    assert "0 rendering, 1 waiting" in await said(alice, "queue")
    await bot.kill()
    await bot.restart()
    text = await said(alice, "queue")
    assert "paused the queue" in text
    assert "0 rendering, 1 waiting" in text
    assert "**Paused**" in await said(host, "admin status")
    assert "Running again" in await said(host, "admin resume")
    bot.let_through()
    await carries_clip(waiting, bot.sandbox)


async def test_a_drain_refuses_what_is_new_and_finishes_what_waits(
    bot: BotProcess, host: Actor, alice: Actor
) -> None:
    going = await rendering(alice, "before the drain")
    assert "finish the open ones (1)" in await said(host, "admin drain")
    assert "I can't take new requests right now" in await said(alice, "music", prompt="too late")
    bot.let_through()
    await carries_clip(going, bot.sandbox)
    await said(host, "admin resume")
    await made(alice, "after the drain")


async def test_a_worker_is_restarted_and_its_clip_made(bot: BotProcess, host: Actor, alice: Actor) -> None:
    going = await rendering(alice, "rendered twice")
    before = bot.worker_pid()
    assert "1 worker ended" in await said(host, "admin restart-worker")
    await eventually(lambda: before not in [int(one.name) for one in bot.children()], "its end")
    bot.let_through()
    await carries_clip(going, bot.sandbox)


async def test_blocks_announcements_and_leaving(bot: BotProcess, host: Actor, alice: Actor) -> None:
    assert "is blocked everywhere" in await said(host, "admin block", member=alice)
    lobby = bot.sandbox.channel("lobby", ELSEWHERE)
    answer = await private(await alice.slash("music", prompt="anywhere", at=lobby))
    assert "The bot's owner has blocked you" in text_of(answer)
    assert "can use the bot again" in await said(host, "admin unblock", member=alice)
    assert "You can't block an owner of the bot" in await said(host, "admin block", member=host)
    other = bot.sandbox.guild(ELSEWHERE)
    other.add_bot()
    assert "2 of 2 servers" in await said(host, "admin announce", text="Back in an hour.")
    await lobby.wait_for(lambda one: one.content == "Back in an hour.")
    assert str(other.id) in await said(host, "admin leave")
    assert "is blocked" in await said(host, "admin block", server=str(other.id))
    await lobby.wait_for(lambda one: "has asked me to leave" in one.content)
    await eventually(lambda: bot.sandbox.application_id not in other.guild.members, "the end there")
    assert "can have the bot again" in await said(host, "admin unblock", server=str(other.id))
    assert "That server isn't blocked." in await said(host, "admin unblock", server=str(other.id))
    assert "is a number" in await said(host, "admin leave", server="home")


async def test_the_check_names_what_is_missing(bot: BotProcess, music: ChannelHandle, bob: Actor) -> None:
    mina = bot.sandbox.member("mina")
    assert "I have every permission that I need." in await said(mina, "setup check")
    general = bot.sandbox.channel("general")
    general.overwrite("bot", deny=Permission.ATTACH_FILES)
    text = text_of(await private(await mina.slash("setup check", at=general)))
    assert "❌ **Attach Files**: attach the MP3" in text
    assert text.count("❌") == 1
    general.overwrite("bot")
    assert "You need the permission Manage Server" in await said(bob, "setup check")
