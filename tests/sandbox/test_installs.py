"""Where an application is installed, and what follows for its commands, answers and permissions."""

from __future__ import annotations

import pytest

from sandbox.defaults import ELSEWHERE
from sandbox.model import Permission
from tests.sandbox.place_violations import EVERYWHERE
from tests.sandbox.raw import Raw, Socket
from tests.sandbox.test_gateway import logged_in

PLAIN = {"name": "play", "description": "Play"}


async def test_an_application_without_user_install_has_its_commands_in_guilds_alone(raw: Raw) -> None:
    raw.sandbox.install_contexts(guild=True, user=False)
    application = (await raw.call("GET", "/applications/@me")).body
    assert application["integration_types_config"] == {"0": {}}
    made = await raw.register(PLAIN)
    assert made.body[0]["integration_types"] == [0]
    alice, lobby = raw.sandbox.member("alice"), raw.sandbox.channel("lobby", ELSEWHERE)
    assert (alice.commands(), alice.commands(lobby)) == (["play"], [])


async def test_an_unsupported_context_is_refused_with_its_place_or_narrowed(raw: Raw) -> None:
    raw.sandbox.install_contexts(guild=True, user=False)
    refused = await raw.register(PLAIN, EVERYWHERE | {"name": "listen"})
    assert refused.body["errors"]["1"]["integration_types"]["1"]["_errors"][0]["code"] == "BASE_TYPE_CHOICES"
    path = f"/applications/{raw.sandbox.application_id}/commands"
    assert (await raw.call("POST", path, EVERYWHERE)).code == 50035
    raw.sandbox.install_contexts(guild=True, user=False, narrows=True)
    assert (await raw.register(EVERYWHERE)).body[0]["integration_types"] == [0]
    command = (await raw.call("POST", path, EVERYWHERE)).body
    assert command["integration_types"] == [0]
    raw.sandbox.install_contexts(guild=True, user=False)
    assert (await raw.call("PATCH", f"{path}/{command['id']}", {"integration_types": [1]})).code == 50035


async def test_contexts_count_before_the_older_field(raw: Raw) -> None:
    bob, dm = raw.sandbox.member("bob"), raw.sandbox.dm("bob")
    await raw.register(PLAIN | {"dm_permission": False})
    assert (bob.commands(), bob.commands(dm)) == (["play"], [])
    await raw.register(PLAIN | {"dm_permission": False, "contexts": [0, 1]})
    assert bob.commands(dm) == ["play"]
    await raw.register(PLAIN | {"contexts": [0]})
    assert bob.commands(dm) == []


@pytest.mark.parametrize("lost", [Permission.USE_EXTERNAL_APPS, Permission.SEND_MESSAGES])
async def test_answers_are_ephemeral_where_the_member_may_not_use_external_apps(
    lost: Permission, raw: Raw
) -> None:
    await raw.register(EVERYWHERE)
    alice, lobby = raw.sandbox.member("alice"), raw.sandbox.channel("lobby", ELSEWHERE)
    lobby.overwrite("@everyone", deny=lost)
    reply = await alice.slash("play", at=lobby, wait=False)
    answer = await raw.respond(reply.interaction, 5, query="?with_response=true")
    assert answer.body["interaction"]["response_message_ephemeral"] is True
    original = raw.webhook(reply.interaction, "@original")
    edited = await raw.call("PATCH", original, {"content": "here"}, {"a.mp3": b"x"}, token="")
    assert edited.body["flags"] & 64
    assert edited.body["attachments"][0]["ephemeral"] is True
    assert (await raw.follow_up(reply.interaction, content="more")).body["flags"] & 64
    assert not any(raw.sandbox.member("bob").sees(message) for message in lobby.messages)


async def test_where_the_guild_has_installed_it_the_same_answers_are_for_everybody(raw: Raw) -> None:
    await raw.register(EVERYWHERE)
    raw.music.overwrite("@everyone", deny=Permission.USE_EXTERNAL_APPS)
    interaction = await raw.slash()
    assert (await raw.respond(interaction, 4, {"content": "here"})).ok
    assert raw.music.messages[0].ephemeral_for is None


async def test_a_menus_answer_in_a_locked_thread_is_ephemeral(raw: Raw) -> None:
    await raw.register({"name": "Remix", "type": 3})
    thread = raw.music.thread("sketches")
    message = await raw.sandbox.member("bob").send("hello", at=thread)
    thread.lock()
    reply = await raw.sandbox.member("alice").message_menu("Remix", message, wait=False)
    assert (await raw.respond(reply.interaction, 5)).ok
    original = raw.webhook(reply.interaction, "@original")
    assert (await raw.call("PATCH", original, {"content": "hush"}, token="")).body["flags"] & 64


async def test_private_channels_give_the_application_few_permissions(raw: Raw) -> None:
    await raw.register(EVERYWHERE)
    alice = raw.sandbox.member("alice")
    files = Permission.ATTACH_FILES | Permission.EMBED_LINKS | Permission.MENTION_EVERYONE
    async with Socket(raw) as socket:
        await logged_in(socket)
        await alice.slash("play", at=raw.sandbox.dm("alice", "bob"), wait=False)
        assert int((await socket.until("INTERACTION_CREATE"))["app_permissions"]) == files
        await alice.slash("play", at=raw.sandbox.dm("alice"), wait=False)
        event = await socket.until("INTERACTION_CREATE")
        assert int(event["app_permissions"]) == files | Permission.USE_EXTERNAL_EMOJIS
