"""Requests that violate a rule about places: permissions, threads, forums, voice channels, installations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sandbox.defaults import ELSEWHERE
from sandbox.handles import ChannelHandle, ThreadHandle
from sandbox.model import ChannelType, Permission
from tests.sandbox.raw import Answer, Raw
from tests.sandbox.requests import Request

EVERYWHERE = {"name": "play", "description": "Play", "integration_types": [0, 1], "contexts": [0, 1, 2]}
ThreadRequest = Callable[[Raw, ThreadHandle, str], Awaitable[Answer]]


def posts(raw: Raw, room: ChannelHandle, content: str = "x", **body: Any) -> Awaitable[Answer]:
    return raw.call("POST", f"/channels/{room.id}/messages", {"content": content} | body)


def denied(permission: Permission, request: Request) -> Request:
    """A request without one permission in the channel."""

    async def act(raw: Raw) -> Answer | str:
        raw.music.overwrite("bot", deny=permission)
        return await request(raw)

    return act


async def replies(raw: Raw) -> Answer:
    message = await raw.sandbox.member("alice").send("hello")
    return await raw.post(content="x", message_reference={"message_id": str(message.id)})


async def reads(raw: Raw) -> Answer:
    message = await raw.sandbox.member("alice").send("hello")
    return await raw.call("GET", f"/channels/{raw.music.id}/messages/{message.id}")


async def reacts(raw: Raw, *others: str) -> Answer:
    message = await raw.sandbox.member("mina").send("hello")
    for emoji in others:
        await raw.sandbox.member("mina").react(message, emoji)
    return await raw.call("PUT", f"/channels/{raw.music.id}/messages/{message.id}/reactions/%F0%9F%91%8D/@me")


async def reacts_in_too_many_kinds(raw: Raw) -> Answer:
    return await reacts(raw, *(chr(0x1F400 + number) for number in range(20)))


async def reads_a_voice_channel(raw: Raw) -> Answer:
    voice = raw.sandbox.guild().add_channel("lounge", ChannelType.GUILD_VOICE)
    voice.overwrite("@everyone", deny=Permission.CONNECT)
    return await raw.call("GET", f"/channels/{voice.id}/messages")


async def posts_in_a_forum(raw: Raw) -> Answer:
    return await posts(raw, raw.sandbox.guild().add_channel("ideas", ChannelType.GUILD_FORUM))


def in_thread(request: ThreadRequest) -> Request:
    """A request in a thread that holds a message of the bot, given with its path."""

    async def act(raw: Raw) -> Answer:
        thread = raw.music.thread("sketches")
        message = await posts(raw, thread)
        return await request(raw, thread, f"/channels/{thread.id}/messages/{message.body['id']}")

    return act


async def edits_when_archived(raw: Raw, thread: ThreadHandle, message: str) -> Answer:
    thread.archive()
    return await raw.call("PATCH", message, {"content": "y"})


async def posts_when_locked(raw: Raw, thread: ThreadHandle, message: str) -> Answer:
    thread.lock(archive=False)
    return await posts(raw, thread)


async def deletes_when_locked(raw: Raw, thread: ThreadHandle, message: str) -> Answer:
    thread.lock()
    return await raw.call("DELETE", message)


async def unarchives_when_locked(raw: Raw, thread: ThreadHandle, message: str) -> Answer:
    thread.lock()
    return await raw.call("PATCH", f"/channels/{thread.id}", {"archived": False})


async def renames(raw: Raw, thread: ThreadHandle, message: str) -> Answer:
    return await raw.call("PATCH", f"/channels/{thread.id}", {"name": "ideas"})


async def locks_its_own(raw: Raw) -> Answer:
    thread = await raw.call("POST", f"/channels/{raw.music.id}/threads", {"name": "own", "type": 11})
    return await raw.call("PATCH", f"/channels/{thread.body['id']}", {"locked": True})


async def renames_a_channel(raw: Raw) -> Answer:
    return await raw.call("PATCH", f"/channels/{raw.music.id}", {"topic": "New"})


async def uses_a_command_without_permission(raw: Raw) -> str:
    raw.music.overwrite("@everyone", deny=Permission.USE_APPLICATION_COMMANDS)
    await raw.slash()
    return "accepted"


async def uses_a_command_in_an_archived_thread(raw: Raw) -> str:
    await raw.register({"name": "play", "description": "Play"})
    thread = raw.music.thread("sketches")
    thread.archive()
    await raw.sandbox.member("alice").slash("play", at=thread, wait=False)
    return "accepted"


async def hurries_in_slow_mode(raw: Raw) -> Answer:
    raw.music.slow_mode(10, bots=True)
    assert (await raw.post(content="1")).ok
    answer = await raw.post(content="2")
    raw.sandbox.clock.advance(10)
    return answer


async def answers_with_external_apps_off(raw: Raw) -> str:
    """The answer that everybody was to see."""
    await raw.register(EVERYWHERE)
    lobby = raw.sandbox.channel("lobby", ELSEWHERE)
    lobby.overwrite("@everyone", deny=Permission.USE_EXTERNAL_APPS)
    reply = await raw.sandbox.member("alice").slash("play", at=lobby, wait=False)
    assert (await raw.respond(reply.interaction, 4, {"content": "x"})).ok
    return "accepted" if raw.sandbox.member("bob").sees(lobby.messages[-1]) else "ephemeral"


async def registers_for_users(raw: Raw) -> Answer:
    raw.sandbox.install_contexts(guild=True, user=False)
    return await raw.register({"name": "play", "description": "Play", "integration_types": [0, 1]})


async def overwrites_the_entry_point(raw: Raw) -> Answer:
    raw.sandbox.install_contexts(entry_point=True)
    return await raw.register({"name": "play", "description": "Play", "integration_types": [0]})


async def follows_up_a_deleted_answer(raw: Raw) -> Answer:
    """A moderator deletes "thinking…"; source: discord-api-docs issue 3087."""
    interaction = await raw.slash()
    assert (await raw.respond(interaction, 5)).ok
    await raw.sandbox.member("mina").delete(raw.music.messages[-1])
    return await raw.follow_up(interaction, content="still here")
