"""Threads and forum posts: what may be done in them, when they archive themselves, what the bot is told."""

from __future__ import annotations

import pytest

from sandbox.defaults import ELSEWHERE
from sandbox.handles import ChannelHandle
from sandbox.model import ChannelType, Permission
from sandbox.resolve import ActionError
from sandbox.server import Sandbox
from tests.sandbox.place_violations import EVERYWHERE as PLAY
from tests.sandbox.place_violations import posts
from tests.sandbox.raw import Raw, Socket
from tests.sandbox.test_gateway import logged_in

HOUR = 3600.0


@pytest.mark.parametrize("status", [400, 403])
async def test_an_answer_in_an_archived_thread_cannot_be_edited(status: int, raw: Raw) -> None:
    await raw.register(PLAY)
    thread = raw.music.thread("sketches")
    reply = await raw.sandbox.member("alice").slash("play", at=thread, wait=False)
    assert (await raw.respond(reply.interaction, 5)).ok
    thread.archive(status=status)
    original = raw.webhook(reply.interaction, "@original")
    refused = await raw.call("PATCH", original, {"content": "late"}, token="")
    assert (refused.status, refused.code) == (status, 50083)
    by_token = f"/channels/{thread.id}/messages/{reply.interaction.response_message_id}"
    refused = await raw.call("PATCH", by_token, {"content": "late"})
    assert (refused.status, refused.code) == (status, 50083)
    assert (await raw.call("PATCH", f"/channels/{thread.id}", {"archived": False})).ok
    assert (await raw.call("PATCH", original, {"content": "late"}, token="")).ok


async def test_a_message_unarchives_a_thread_unless_it_is_locked(raw: Raw) -> None:
    thread = raw.music.thread("sketches")
    thread.archive()
    assert (await posts(raw, thread)).ok
    assert not thread.state.archived
    thread.lock()
    refused = await posts(raw, thread)
    assert (refused.status, refused.code, thread.state.archived) == (400, 50083, True)
    raw.music.overwrite("bot", allow=Permission.MANAGE_THREADS)
    assert (await posts(raw, thread)).ok
    assert (thread.state.archived, thread.state.locked) == (False, True)


async def test_a_follow_up_unarchives_a_thread_and_a_lock_refuses_it(raw: Raw) -> None:
    await raw.register(PLAY)
    thread = raw.music.thread("sketches")
    reply = await raw.sandbox.member("alice").slash("play", at=thread, wait=False)
    assert (await raw.respond(reply.interaction, 4, {"content": "first"})).ok
    thread.archive()
    assert (await raw.follow_up(reply.interaction, content="second")).ok
    assert not thread.state.archived
    thread.lock(archive=False, status=403)
    refused = await raw.follow_up(reply.interaction, content="third")
    assert (refused.status, refused.code) == (403, 160005)
    # An ephemeral answer is no message of the thread.
    assert (await raw.follow_up(reply.interaction, content="hush", flags=64)).ok


async def test_a_bot_that_is_not_in_the_guild_misses_access_to_a_locked_thread(raw: Raw) -> None:
    await raw.register(PLAY)
    thread = raw.sandbox.channel("lobby", ELSEWHERE).thread("far away")
    reply = await raw.sandbox.member("alice").slash("play", at=thread, wait=False)
    assert (await raw.respond(reply.interaction, 5)).ok
    thread.lock()
    refused = await raw.call("PATCH", raw.webhook(reply.interaction, "@original"), {"content": "x"}, token="")
    assert (refused.status, refused.code) == (403, 50001)


async def test_a_thread_archives_itself_when_nobody_writes(raw: Raw) -> None:
    thread = raw.music.thread("sketches", auto_archive=60)

    def archived() -> bool:
        return thread.state.archived

    raw.sandbox.clock.advance(0.9 * HOUR)
    await raw.sandbox.member("alice").send("still here", at=thread)
    raw.sandbox.clock.advance(0.9 * HOUR)
    assert not archived()
    raw.sandbox.clock.advance(0.2 * HOUR)
    assert archived()
    thread.unarchive()
    raw.sandbox.clock.advance(1.1 * HOUR)
    assert archived()


async def test_an_ephemeral_answer_keeps_no_thread_active(raw: Raw) -> None:
    await raw.register(PLAY)
    thread = raw.music.thread("sketches", auto_archive=60)
    raw.sandbox.clock.advance(0.9 * HOUR)
    reply = await raw.sandbox.member("alice").slash("play", at=thread, wait=False)
    assert (await raw.respond(reply.interaction, 4, {"content": "hush", "flags": 64})).ok
    raw.sandbox.clock.advance(0.2 * HOUR)
    assert thread.state.archived


async def test_a_private_thread_is_closed_to_a_bot_that_was_not_added(raw: Raw) -> None:
    await raw.register(PLAY)
    alice, bob = raw.sandbox.member("alice"), raw.sandbox.member("bob")
    thread = raw.music.thread("secret", by=alice, private=True)
    assert (await posts(raw, thread)).code == 50001
    with pytest.raises(ActionError, match="not in that channel"):
        await bob.send("let me in", at=thread)
    # Commands work there, and the permissions look as in the parent channel.
    async with Socket(raw) as socket:
        await logged_in(socket)
        reply = await alice.slash("play", at=thread, wait=False)
        event = await socket.until("INTERACTION_CREATE")
    assert int(event["app_permissions"]) & Permission.SEND_MESSAGES_IN_THREADS
    assert "member" not in event["channel"]
    assert (await raw.respond(reply.interaction, 4, {"content": "here"})).ok
    thread.add("bot", bob)
    assert (await posts(raw, thread)).ok
    await bob.send("thanks", at=thread)
    thread.remove("bot")
    assert (await posts(raw, thread)).code == 50001
    raw.music.overwrite("bot", allow=Permission.MANAGE_THREADS)
    assert (await posts(raw, thread)).ok


async def test_whom_a_message_mentions_joins_the_thread(raw: Raw) -> None:
    alice = raw.sandbox.member("alice")
    thread = raw.music.thread("secret", by=alice, private=True)
    await alice.send(f"come in, <@{raw.sandbox.application_id}>", at=thread)
    assert (await posts(raw, thread)).ok


async def test_a_forum_post_is_a_thread_with_the_id_of_its_first_message(raw: Raw) -> None:
    forum = raw.sandbox.guild().add_channel("ideas", ChannelType.GUILD_FORUM)
    post = await raw.sandbox.member("alice").start_thread(forum, "A waltz", "in three")
    (first,) = post.messages
    assert (first.id, first.content) == (post.id, "in three")
    assert (await posts(raw, post)).ok
    body = (await raw.call("GET", f"/channels/{post.id}")).body
    assert (body["parent_id"], body["type"], body["message_count"]) == (str(forum.id), 11, 2)


async def test_a_title_with_a_blocked_keyword_starts_no_thread(discord: Sandbox) -> None:
    music = discord.channel("music")
    music.block_words("nitro")
    with pytest.raises(ActionError, match="200001"):
        await discord.member("alice").start_thread(music, "nitro", "hello")
    assert discord.world.threads(music.id) == []
    thread = await discord.member("alice").start_thread(music, "sketches")
    with pytest.raises(ActionError, match="200000"):
        await discord.member("alice").send("nitro", at=thread)


async def test_in_a_closed_thread_only_menus_are_offered(raw: Raw) -> None:
    await raw.register(PLAY, {"name": "Remix", "type": 3})
    thread = raw.music.thread("sketches")
    alice = raw.sandbox.member("alice")
    assert set(alice.commands(thread)) == {"play", "Remix"}
    thread.lock(archive=False)
    assert alice.commands(thread) == ["Remix"]
    assert set(raw.sandbox.member("host").commands(thread)) == {"play", "Remix"}


async def test_the_bot_is_told_of_threads_that_it_may_view(raw: Raw) -> None:
    alice = raw.sandbox.member("alice")
    raw.music.thread("already here")
    raw.music.thread("archived").archive()
    async with Socket(raw) as socket:
        await logged_in(socket)
        guild = await socket.until("GUILD_CREATE")
        assert [thread["name"] for thread in guild["threads"]] == ["already here"]
        secret = raw.music.thread("secret", by=alice, private=True)
        thread = raw.music.thread("sketches", by=alice)
        made = await socket.until("THREAD_CREATE")
        assert (made["id"], made["newly_created"], "member" in made) == (str(thread.id), True, False)
        thread.archive()
        assert (await socket.until("THREAD_UPDATE"))["thread_metadata"]["archived"] is True
        assert (await posts(raw, thread)).ok
        assert (await socket.until("THREAD_UPDATE"))["thread_metadata"]["archived"] is False
        (joined,) = (await socket.until("THREAD_MEMBERS_UPDATE"))["added_members"]
        assert joined["user_id"] == str(raw.sandbox.application_id)
        secret.add("bot")
        added = await socket.until("THREAD_CREATE")
        assert (added["id"], added["member"]["user_id"]) == (str(secret.id), joined["user_id"])
        assert (await socket.until("THREAD_MEMBERS_UPDATE"))["added_members"]
        secret.remove("bot")
        assert (await socket.until("THREAD_MEMBERS_UPDATE"))["removed_member_ids"] == [joined["user_id"]]
        # Gone unseen: the next event is that of the thread that it sees.
        secret.delete()
        thread.delete()
        assert await socket.until("THREAD_DELETE") == {
            "id": str(thread.id),
            "guild_id": str(thread.channel.guild_id),
            "parent_id": str(raw.music.id),
            "type": 11,
        }


async def test_threads_over_rest(raw: Raw) -> None:
    message = await raw.post(content="a clip")
    path = f"/channels/{raw.music.id}/messages/{message.body['id']}/threads"
    made = await raw.call("POST", path, {"name": "about it", "auto_archive_duration": 60})
    assert (made.status, made.body["id"], made.body["type"]) == (201, message.body["id"], 11)
    assert (await raw.call("POST", path, {"name": "again"})).code == 160004
    alone = await raw.call("POST", f"/channels/{raw.music.id}/threads", {"name": "quiet", "type": 12})
    assert alone.body["member"]["user_id"] == str(raw.sandbox.application_id)
    active = (await raw.call("GET", f"/guilds/{raw.music.channel.guild_id}/threads/active")).body
    assert {one["name"] for one in active["threads"]} == {"about it", "quiet"}
    assert (await raw.call("DELETE", f"/channels/{alone.body['id']}/thread-members/@me")).status == 204
    assert (await raw.call("PUT", f"/channels/{alone.body['id']}/thread-members/@me")).code == 50001
    assert (await raw.call("PUT", f"/channels/{made.body['id']}/thread-members/@me")).status == 204
    assert (await raw.call("DELETE", f"/channels/{made.body['id']}")).code == 50013
    raw.music.overwrite("bot", allow=Permission.MANAGE_THREADS)
    assert (await raw.call("DELETE", f"/channels/{made.body['id']}")).ok
    assert (await raw.call("GET", f"/channels/{made.body['id']}")).code == 10003


async def test_a_voice_channel_has_messages(raw: Raw) -> None:
    voice = raw.sandbox.guild().add_channel("lounge", ChannelType.GUILD_VOICE)
    assert isinstance(raw.sandbox.channel("lounge"), ChannelHandle)
    assert (await posts(raw, voice)).ok
    await raw.sandbox.member("bob").send("hello", at=voice)
    assert len((await raw.call("GET", f"/channels/{voice.id}/messages")).body) == 2
    assert (await raw.call("GET", f"/channels/{voice.id}")).body["bitrate"] == 64_000
