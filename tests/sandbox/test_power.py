"""Permissions, deletions and removals: what the bot is refused, and what it is told."""

from __future__ import annotations

import asyncio

import pytest

from sandbox.events import Intent
from sandbox.model import Permission
from sandbox.resolve import ActionError
from sandbox.server import Sandbox
from sandbox.upload_limits import MIB
from tests.sandbox.place_violations import EVERYWHERE as PLAY
from tests.sandbox.raw import Raw, Socket
from tests.sandbox.test_gateway import logged_in

SEND, VIEW = Permission.SEND_MESSAGES, Permission.VIEW_CHANNEL


async def test_interactions_carry_the_permissions_of_their_channel(raw: Raw) -> None:
    await raw.register(PLAY)
    alice, guild = raw.sandbox.member("alice"), raw.sandbox.guild()
    raw.music.overwrite("@everyone", deny=SEND | Permission.ATTACH_FILES)
    raw.music.overwrite(guild.role("Moderator"), allow=SEND)
    raw.music.overwrite(alice, allow=Permission.ATTACH_FILES)

    async def seen(name: str) -> tuple[list[bool], list[bool]]:
        async with Socket(raw) as socket:
            await logged_in(socket)
            await raw.sandbox.member(name).slash("play", wait=False)
            event = await socket.until("INTERACTION_CREATE")
        wanted = (SEND, Permission.ATTACH_FILES)
        bits = [int(event["member"]["permissions"]), int(event["app_permissions"])]
        own, bot = ([bool(one & permission) for permission in wanted] for one in bits)
        return own, bot

    assert await seen("alice") == ([False, True], [False, False])
    assert await seen("mina") == ([True, False], [False, False])
    assert await seen("host") == ([True, True], [False, False])
    raw.music.overwrite("bot", allow=SEND)
    assert await seen("bob") == ([False, False], [True, False])


async def test_a_members_overwrite_comes_after_those_of_roles(discord: Sandbox) -> None:
    music, mina = discord.channel("music"), discord.member("mina")
    music.overwrite(mina, deny=SEND)
    music.overwrite(discord.guild().role("Moderator"), allow=SEND)
    with pytest.raises(ActionError, match="50013"):
        await mina.send("hello")
    music.overwrite(mina)
    await mina.send("hello")
    discord.guild().permissions("@everyone", deny=SEND)
    with pytest.raises(ActionError, match="50013"):
        await discord.member("alice").send("hello")


async def test_a_channel_that_the_bot_may_not_view(raw: Raw) -> None:
    await raw.register(PLAY)
    made = await raw.post(content="x")
    interaction = await raw.slash()
    raw.music.overwrite("bot", deny=VIEW)
    for method, path in (("GET", ""), ("GET", "/messages"), ("PATCH", f"/messages/{made.body['id']}")):
        refused = await raw.call(method, f"/channels/{raw.music.id}{path}", {} if method == "PATCH" else None)
        assert (refused.status, refused.code) == (403, 50001)
    # Its commands still work there: an answer goes by the interaction's token.
    assert (await raw.respond(interaction, 4, {"content": "here"})).ok
    assert raw.sandbox.member("alice").commands() == ["play"]


async def test_without_read_message_history_the_history_is_empty(raw: Raw) -> None:
    assert (await raw.post(content="x")).ok
    raw.music.overwrite("bot", deny=Permission.READ_MESSAGE_HISTORY)
    assert (await raw.call("GET", f"/channels/{raw.music.id}/messages")).body == []


async def test_the_bot_is_told_of_changes_of_power(raw: Raw) -> None:
    raw.music.overwrite("bot", deny=VIEW)
    raw.music.thread("sketches")
    async with Socket(raw) as socket:
        await logged_in(socket)
        assert (await socket.until("GUILD_CREATE"))["threads"] == []
        raw.music.overwrite("bot")
        assert (await socket.until("CHANNEL_UPDATE"))["permission_overwrites"] == []
        synced = await socket.until("THREAD_LIST_SYNC")
        assert [thread["name"] for thread in synced["threads"]] == ["sketches"]
        raw.sandbox.guild().permissions("Moderator", allow=Permission.MANAGE_THREADS)
        role = (await socket.until("GUILD_ROLE_UPDATE"))["role"]
        assert int(role["permissions"]) & Permission.MANAGE_THREADS
        raw.sandbox.guild().add_channel("new")
        assert (await socket.until("CHANNEL_CREATE"))["name"] == "new"


@pytest.mark.parametrize("intents", [Intent.GUILDS | Intent.GUILD_MESSAGES, Intent.GUILDS])
async def test_deletions_by_moderators_are_told_by_intent(intents: int, raw: Raw) -> None:
    mina, alice = raw.sandbox.member("mina"), raw.sandbox.member("alice")
    ids = [str((await raw.post(content="x")).body["id"]) for _ in range(3)]
    one, two, three = (raw.sandbox.world.messages[int(key)] for key in ids)
    with pytest.raises(ActionError, match="may not"):
        await alice.delete(one)
    with pytest.raises(ActionError, match="may not"):
        await alice.delete_many(one, two)
    async with Socket(raw) as socket:
        await logged_in(socket, intents=int(intents))
        await socket.until("GUILD_CREATE")
        await mina.delete(one)
        await mina.delete_many(two, three)
        raw.sandbox.guild().add_channel("mark")
        told = []
        while (frame := await socket.receive())["t"] != "CHANNEL_CREATE":
            told.append((frame["t"], frame["d"].get("id") or frame["d"]["ids"]))
    expected = [("MESSAGE_DELETE", ids[0]), ("MESSAGE_DELETE_BULK", ids[1:])]
    assert told == (expected if intents & Intent.GUILD_MESSAGES else [])
    assert raw.music.messages == []


async def test_bulk_deletion_over_rest_is_one_event(raw: Raw) -> None:
    raw.music.overwrite("bot", allow=Permission.MANAGE_MESSAGES)
    async with Socket(raw) as socket:
        await logged_in(socket)
        ids = [str((await raw.post(content="x")).body["id"]) for _ in range(2)]
        path = f"/channels/{raw.music.id}/messages/bulk-delete"
        assert (await raw.call("POST", path, {"messages": ids})).status == 204
        assert (await socket.until("MESSAGE_DELETE_BULK"))["ids"] == ids


async def test_a_deleted_channel_takes_its_messages_and_threads_along(raw: Raw) -> None:
    await raw.register(PLAY)
    interaction = await raw.slash()
    assert (await raw.respond(interaction, 4, {"content": "here"})).ok
    thread = raw.music.thread("sketches")
    with pytest.raises(ActionError, match="may not"):
        await raw.sandbox.member("mina").delete_channel(raw.music)
    async with Socket(raw) as socket:
        await logged_in(socket)
        await raw.sandbox.member("host").delete_channel(raw.music)
        assert (await socket.until("CHANNEL_DELETE"))["id"] == str(raw.music.id)
    for room in (raw.music, thread):
        assert (await raw.call("GET", f"/channels/{room.id}")).code == 10003
        assert room.messages == []
    original = raw.webhook(interaction, "@original")
    assert (await raw.call("PATCH", original, {"content": "late"}, token="")).code == 10008
    assert (await raw.follow_up(interaction, content="late")).code == 10003


async def test_a_kicked_bot_is_told_and_misses_access(raw: Raw) -> None:
    await raw.register(PLAY)
    guild = raw.sandbox.guild()
    made = await raw.post(content="x")
    async with Socket(raw) as socket:
        await logged_in(socket)
        await socket.until("GUILD_CREATE")
        guild.kick_bot()
        assert await socket.until("GUILD_DELETE") == {"id": str(guild.id)}
        refused = await raw.edit(made.body["id"], content="y")
        assert (refused.status, refused.code) == (403, 50001)
        # Only whoever installed the application for themselves is offered commands now.
        assert raw.sandbox.member("bob").commands() == []
        assert raw.sandbox.member("alice").commands() == ["play"]
        guild.add_bot()
        assert (await socket.until("GUILD_CREATE"))["id"] == str(guild.id)
        assert (await raw.call("DELETE", f"/users/@me/guilds/{guild.id}")).status == 204
        await asyncio.wait_for(socket.until("GUILD_DELETE"), 10)


async def test_slow_mode_is_for_members_unless_a_test_says_more(raw: Raw) -> None:
    await raw.register(PLAY)
    alice = raw.sandbox.member("alice")
    raw.music.slow_mode(10)
    await alice.send("one")
    with pytest.raises(ActionError, match="20016"):
        await alice.send("two")
    with pytest.raises(ActionError, match="20016"):
        await alice.slash("play", wait=False)
    await raw.sandbox.member("host").send("one")
    await raw.sandbox.member("host").send("two")
    raw.sandbox.clock.advance(10)
    reply = await alice.slash("play", wait=False)
    assert (await raw.respond(reply.interaction, 4, {"content": "here"})).ok
    with pytest.raises(ActionError, match="20016"):
        await alice.send("three")
    assert all([(await raw.post(content="x")).ok for _ in range(3)])
    raw.music.slow_mode(10, bots=True)
    refused = await raw.post(content="x")
    assert (refused.status, refused.code, refused.body["retry_after"]) == (429, 20016, 10.0)
    raw.music.overwrite("bot", allow=Permission.BYPASS_SLOWMODE)
    assert (await raw.post(content="x")).ok


async def test_limits_by_boosts_by_nitro_and_by_promise(discord: Sandbox, raw: Raw) -> None:
    await raw.register(PLAY)
    guild, alice = discord.guild(), discord.member("alice")
    async with Socket(raw) as socket:
        await logged_in(socket)

        async def promised() -> int:
            await alice.slash("play", wait=False)
            return int((await socket.until("INTERACTION_CREATE"))["attachment_size_limit"])

        assert await promised() == 10 * MIB
        guild.boost(2)
        assert await promised() == discord.messages.largest_upload == 50 * MIB
        alice.user.nitro = True
        assert (await promised(), discord.messages.largest_upload) == (500 * MIB, 200 * MIB)
        raw.music.upload_limit(accepted=1000, promised=5000)
        assert await promised() == 5000
    interaction = await raw.slash()
    big = {"a.mp3": bytes(1001)}
    refused = await raw.respond(interaction, 4, {"content": "x"}, files=big)
    assert (refused.status, refused.code) == (413, 40005)
    assert (await raw.respond(interaction, 4, {"content": "x"}, files={"a.mp3": bytes(1000)})).ok
    raw.music.upload_limit(None)
    assert (await raw.post(big, content="x")).ok
