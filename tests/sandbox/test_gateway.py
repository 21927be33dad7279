from __future__ import annotations

import asyncio
import zlib
from typing import Any

import pytest

from sandbox.compression import stream
from sandbox.defaults import add_guild
from sandbox.events import Intent
from sandbox.server import Sandbox
from tests.sandbox.raw import Raw, Socket


async def logged_in(socket: Socket, **how: object) -> Any:
    hello = await socket.receive()
    assert hello["op"] == 10
    await socket.identify(**how)  # type: ignore[arg-type]
    ready = await socket.receive()
    assert ready["t"] == "READY"
    return ready["d"]


@pytest.mark.parametrize("compress", [None, "zlib-stream"])
async def test_hello_ready_and_guilds(compress: str | None, discord: Sandbox, raw: Raw) -> None:
    async with Socket(raw, compress) as socket:
        ready = await logged_in(socket)
        guild = await socket.until("GUILD_CREATE")
        assert ready["guilds"] == [{"id": guild["id"], "unavailable": True}]
        assert [channel["name"] for channel in guild["channels"]] == ["music", "general"]
        assert discord.world.online


async def test_a_heartbeat_is_acknowledged_once_the_requested_one_has_come(raw: Raw) -> None:
    async with Socket(raw) as socket:
        await logged_in(socket, intents=0)
        for _ in range(2):
            await socket.send(1, socket.seq)
            assert (await socket.receive())["op"] == 1
            await socket.send(1, socket.seq)
            assert [(await socket.receive())["op"] for _ in range(2)] == [11, 11]


async def test_a_client_that_ignores_the_request_is_acknowledged_all_the_same(raw: Raw) -> None:
    async with Socket(raw) as socket:
        await logged_in(socket, intents=0)
        await socket.send(1, socket.seq)
        assert [(await socket.receive())["op"] for _ in range(2)] == [1, 11]


def test_zlib_stream_is_one_stream() -> None:
    pack = stream("zlib-stream")
    assert pack is not None
    inflate = zlib.decompressobj()
    assert [inflate.decompress(pack(part)) for part in (b"one", b"two")] == [b"one", b"two"]


def test_zstd_stream_is_one_frame_of_raw_blocks() -> None:
    """What `zstd -d` turns back into "hello" and 300,000 x, once an empty last block ends the frame."""
    pack = stream("zstd-stream")
    assert pack is not None
    assert pack(b"hello") == bytes.fromhex("28b52ffd 00 68 280000") + b"hello"
    full, rest = bytes.fromhex("000010") + b"x" * 131_072, bytes.fromhex("009f04") + b"x" * 37_856
    assert pack(b"x" * 300_000) == full + full + rest


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"op": 2, "d": {"token": "wrong", "intents": 1}}, 4004),
        ({"op": 2, "d": {"intents": -1}}, 4013),
        ({"op": 2, "d": {"intents": 1, "shard": [2, 2]}}, 4010),
        ({"op": 2, "d": []}, 4002),
        ({"op": 8, "d": {}}, 4003),
        ({"op": 99, "d": None}, 4003),
        (["no", "object"], 4002),
    ],
)
async def test_nonsense_closes_the_socket_with_its_code(
    frame: object, code: int, discord: Sandbox, raw: Raw
) -> None:
    async with Socket(raw) as socket:
        await socket.receive()
        if isinstance(frame, dict) and isinstance(frame["d"], dict) and frame["op"] == 2:
            frame["d"].setdefault("token", discord.bot_token)
        await socket.ws.send_json(frame)
        assert await socket.receive() == {"close": code}


async def test_a_second_identify_and_an_unknown_opcode(raw: Raw) -> None:
    async with Socket(raw) as socket:
        await logged_in(socket, intents=0)
        await socket.identify()
        assert await socket.receive() == {"close": 4005}
    async with Socket(raw) as socket:
        await logged_in(socket, intents=0)
        await socket.send(99, None)
        assert await socket.receive() == {"close": 4001}


async def test_resume_replays_exactly_what_was_missed(discord: Sandbox, raw: Raw) -> None:
    alice = discord.member("alice")
    async with Socket(raw) as first:
        ready = await logged_in(first)
        await first.until("GUILD_CREATE")
        await alice.send("heard")
        await first.until("MESSAGE_CREATE")
        seen = first.seq or 0
        discord.faults.drop_sockets()
        while "close" not in await first.receive():
            pass
    for word in ("missed", "missed too"):
        await alice.send(word)
    async with Socket(raw) as second:
        await second.receive()
        await second.send(6, {"token": discord.bot_token, "session_id": ready["session_id"], "seq": seen})
        frames = [await second.receive() for _ in range(3)]
        assert [frame["t"] for frame in frames] == ["MESSAGE_CREATE", "MESSAGE_CREATE", "RESUMED"]
        assert [frame["d"].get("content") for frame in frames[:2]] == ["missed", "missed too"]
        assert [frame["s"] for frame in frames] == [seen + 1, seen + 2, seen + 3]


async def test_resuming_the_unknown_is_an_invalid_session(discord: Sandbox, raw: Raw) -> None:
    async with Socket(raw) as socket:
        await socket.receive()
        await socket.send(6, {"token": discord.bot_token, "session_id": "gone", "seq": 1})
        assert await socket.receive() == {"op": 9, "d": False, "s": None, "t": None}
        await socket.identify()
        await socket.until("READY")


async def test_resuming_from_the_future_is_refused(discord: Sandbox, raw: Raw) -> None:
    async with Socket(raw) as first:
        ready = await logged_in(first)
    async with Socket(raw) as socket:
        await socket.receive()
        await socket.send(6, {"token": discord.bot_token, "session_id": ready["session_id"], "seq": 999})
        assert await socket.receive() == {"close": 4007}


async def test_reconnect_and_resumable_invalidation_keep_the_session(discord: Sandbox, raw: Raw) -> None:
    async with Socket(raw) as socket:
        ready = await logged_in(socket, intents=0)
        discord.faults.reconnect()
        assert (await socket.receive())["op"] == 7
        discord.faults.invalidate_sessions(resumable=True)
        assert await socket.receive() == {"op": 9, "d": True, "s": None, "t": None}
        assert ready["session_id"] in discord.gateway.sessions
        discord.faults.invalidate_sessions()
        assert await socket.receive() == {"op": 9, "d": False, "s": None, "t": None}
        assert discord.gateway.sessions == {}


async def test_each_shard_has_its_guilds_and_the_first_one_the_dms(discord: Sandbox, raw: Raw) -> None:
    home = discord.channel("music").channel.guild_id or 0
    other = add_guild(discord.world, "Next door", ["music"], guild_id=home + (1 << 22))
    room = discord.channel("music", "Next door")
    alice = discord.member("alice")
    async with Socket(raw) as even, Socket(raw) as odd:
        shards = {0: even, 1: odd}
        for number, socket in shards.items():
            await logged_in(socket, shard=(number, 2))
        at_home, next_door = shards[(home >> 22) % 2], shards[(other.id >> 22) % 2]
        assert (await at_home.until("GUILD_CREATE"))["id"] == str(home)
        assert (await next_door.until("GUILD_CREATE"))["id"] == str(other.id)
        await alice.send("next door", at=room)
        await alice.send("at home")
        await alice.send("in private", at=discord.dm("alice"))
        assert (await next_door.until("MESSAGE_CREATE"))["content"] == "next door"
        assert (await at_home.until("MESSAGE_CREATE"))["content"] == "at home"
        assert (await even.until("MESSAGE_CREATE"))["content"] == "in private"


async def test_intents_decide_what_is_told(discord: Sandbox, raw: Raw) -> None:
    alice = discord.member("alice")
    async with Socket(raw) as deaf, Socket(raw) as blind:
        await logged_in(deaf, intents=int(Intent.GUILDS))
        await logged_in(blind, intents=int(Intent.GUILD_MESSAGES | Intent.DIRECT_MESSAGES), shard=(0, 1))
        await alice.send("secret")
        await alice.send(f"<@{discord.application_id}> to you")
        await alice.send("private", at=discord.dm("alice"))
        asked = await raw.post(content="play what?")
        await alice.send("an answer", reply_to=discord.world.messages[int(asked.body["id"])])
        heard = [(await blind.until("MESSAGE_CREATE"))["content"] for _ in range(5)]
        assert heard == ["", f"<@{discord.application_id}> to you", "private", "play what?", "an answer"]
        await raw.register({"name": "play", "description": "Play"})
        await alice.slash("play", wait=False)
        assert (await deaf.receive())["t"] == "GUILD_CREATE"
        assert (await deaf.receive())["t"] == "INTERACTION_CREATE"


async def test_the_bot_is_told_of_edits_deletes_and_typing_but_not_of_ephemerals(
    discord: Sandbox, raw: Raw
) -> None:
    alice = discord.member("alice")
    async with Socket(raw) as socket:
        await logged_in(socket)
        await socket.until("GUILD_CREATE")
        message = await alice.send("first")
        await alice.edit(message, "second")
        discord.client.typing(alice.user, raw.music.channel)
        await alice.delete(message)
        names = [(await socket.receive())["t"] for _ in range(4)]
        assert names == ["MESSAGE_CREATE", "MESSAGE_UPDATE", "TYPING_START", "MESSAGE_DELETE"]
        interaction = await raw.slash()
        assert (await raw.respond(interaction, 4, {"content": "hush", "flags": 64})).ok
        await alice.send("aloud")
        names = [(await socket.receive())["t"] for _ in range(2)]
        assert names == ["INTERACTION_CREATE", "MESSAGE_CREATE"]


async def test_members_are_sent_on_request(discord: Sandbox, raw: Raw) -> None:
    guild = str(raw.music.channel.guild_id)
    alice = discord.member("alice")
    async with Socket(raw) as socket:
        await logged_in(socket)
        await socket.send(8, {"guild_id": guild, "query": "al", "limit": 1, "nonce": "n"})
        chunk = await socket.until("GUILD_MEMBERS_CHUNK")
        assert [member["user"]["username"] for member in chunk["members"]] == ["alice"]
        assert (chunk["chunk_count"], chunk["nonce"]) == (1, "n")
        await socket.send(8, {"guild_id": guild, "user_ids": [str(alice.id), "1"], "limit": 0})
        chunk = await socket.until("GUILD_MEMBERS_CHUNK")
        assert chunk["not_found"] == ["1"]


async def test_a_slow_reader_delays_nobody(discord: Sandbox, raw: Raw) -> None:
    async with Socket(raw) as slow, Socket(raw) as quick:
        await logged_in(slow, shard=(0, 1))
        await logged_in(quick, shard=(0, 1))
        for number in range(50):
            await discord.member("alice").send(f"{number} " + "x" * 1900)
        for _ in range(50):
            await asyncio.wait_for(quick.until("MESSAGE_CREATE"), 30)
