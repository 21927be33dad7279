"""What a sandbox remembers: its history file, across restarts and accidents."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.clock import Clock
from sandbox.files import Upload
from sandbox.handles import ThreadHandle
from sandbox.limits import Limits
from sandbox.model import Permission
from sandbox.server import Sandbox
from sandbox.snowflake import Snowflakes, timestamp
from sandbox.store import Store, StoreError
from tests.sandbox.conftest import NOON
from tests.sandbox.raw import Raw, Socket

BUTTON = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Go", "custom_id": "go:1"}]}


def sandbox_at(path: Path, now: float = NOON) -> Sandbox:
    return Sandbox(path, clock=Clock(paused_at=now), limits=Limits.none())


async def test_a_restart_shows_the_history_with_working_buttons(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "history.sqlite3"
    async with sandbox_at(path) as first, Raw(first) as raw:
        assert (await raw.register({"name": "play", "description": "Play"})).ok
        interaction = await raw.slash()
        body = {"content": "clip", "components": [BUTTON]}
        assert (await raw.respond(interaction, 4, body, files={"a.mp3": b"sound"})).ok
        token, people = first.bot_token, {user.username for user in first.world.users.values()}
    async with sandbox_at(path, NOON + 60) as second, Raw(second) as raw:
        assert (second.bot_token, second.application_id) == (token, first.application_id)
        assert {user.username for user in second.world.users.values()} == people
        (message,) = second.channel("music").messages
        assert (message.content, second.bytes_of(message.attachments[0])) == ("clip", b"sound")
        async with Socket(raw) as socket:
            await socket.receive()
            await socket.identify()
            await socket.until("GUILD_CREATE")
            reply = await second.member("bob").click(message, "Go", wait=False)
            event = await socket.until("INTERACTION_CREATE")
            assert (event["data"]["custom_id"], event["message"]["id"]) == ("go:1", str(message.id))
            assert (await raw.respond(reply.interaction, 7, {"content": "pressed"})).ok
        assert message.content == "pressed"
        # The token of before the restart still lives: Discord did not forget it either.
        assert (await raw.call("PATCH", raw.webhook(interaction, "@original"), {"content": "edited"})).ok
        assert second.member("bob").commands() == ["play"]


async def test_a_restart_keeps_threads_overwrites_and_limits(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    async with sandbox_at(path) as first:
        music, alice = first.channel("music"), first.member("alice")
        secret = music.thread("secret", by=alice, private=True, auto_archive=60)
        secret.lock(archive=False, status=403)
        music.overwrite("@everyone", deny=Permission.SEND_MESSAGES)
        music.slow_mode(5)
        music.upload_limit(100, 500)
        music.block_words("nitro")
        first.guild().boost(3)
        kept = [vars(music.channel), vars(secret.channel), vars(first.guild().guild)]
        before = json.dumps(kept, default=vars)
    async with sandbox_at(path, NOON + 1800) as second:
        music, thread = second.channel("music"), second.channel("secret")
        kept = [vars(music.channel), vars(thread.channel), vars(second.guild().guild)]
        assert json.dumps(kept, default=vars) == before
        assert not second.world.may_see(second.application_id, thread.channel)
        assert isinstance(thread, ThreadHandle)
        second.clock.advance(1799)
        assert not thread.state.archived
        second.clock.advance(2)
        assert thread.state.archived


async def test_thinking_ends_with_the_token_even_across_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    async with sandbox_at(path) as first, Raw(first) as raw:
        interaction = await raw.slash()
        assert (await raw.respond(interaction, 5)).ok
    async with sandbox_at(path, NOON + 600) as second:
        shown = second.page.view.snapshot(second.member("alice").user)["messages"]
        (message,) = shown[str(second.channel("music").id)]
        assert (message["thinking"], message["failed"]) == (True, False)
        second.clock.advance(301)
        assert second.world.interactions[interaction.id].state == "failed"
        (message,) = second.page.view.snapshot(second.member("alice").user)["messages"][message["channel_id"]]
        assert (message["thinking"], message["failed"]) == (False, True)


async def test_a_killed_process_leaves_a_file_that_opens(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    sandbox = sandbox_at(path)
    async with sandbox:
        await sandbox.member("alice").send("kept")
        sandbox.store.flush()
        await sandbox.member("alice").send("not yet written")
        copy = tmp_path / "after.sqlite3"
        source = sqlite3.connect(path)
        source.backup(target := sqlite3.connect(copy))
        source.close()
        target.close()
    async with sandbox_at(copy) as second:
        assert [message.content for message in second.channel("music").messages] == ["kept"]


async def test_a_failed_write_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    async with sandbox_at(path) as sandbox:
        sandbox.store.flush()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("PRAGMA busy_timeout = 0")
        other.execute("BEGIN IMMEDIATE")
        await sandbox.member("alice").send("patience")
        sandbox.store.flush()
        other.execute("ROLLBACK")
        other.close()
        sandbox.store.flush()
    async with sandbox_at(path) as second:
        assert [message.content for message in second.channel("music").messages] == ["patience"]


@pytest.mark.parametrize("content", [b"no database at all" * 100, b""])
def test_a_strange_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "history.sqlite3"
    path.write_bytes(content)
    if content:
        with pytest.raises(StoreError, match=r"history\.sqlite3.*Move the file away"):
            Store(path)
    else:
        Store(path).close()


def test_a_later_layout_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    with sqlite3.connect(path) as later:
        later.execute("PRAGMA user_version = 99")
    later.close()
    with pytest.raises(StoreError, match="layout 99"):
        Store(path)


async def test_deleted_messages_take_their_files_along(discord: Sandbox, raw: Raw) -> None:
    message = await raw.post({"a.mp3": b"sound"})
    kept = discord.world.messages[int(message.body["id"])]
    assert (await raw.call("DELETE", f"/channels/{raw.music.id}/messages/{kept.id}")).status == 204
    with pytest.raises(KeyError):
        discord.bytes_of(kept.attachments[0])


async def test_uploads_that_nothing_holds_go_once_their_links_have_expired(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    async with sandbox_at(path) as sandbox:
        alice, music = sandbox.member("alice"), sandbox.channel("music")
        await alice.send("kept", files=[("kept.txt", b"kept")])
        stray = sandbox.client.upload(alice.user, music.channel, Upload(0, "stray.txt", b"stray"))
    async with sandbox_at(path, NOON + 23 * 3600) as sandbox:
        assert sandbox.bytes_of(stray) == b"stray"
    async with sandbox_at(path, NOON + 25 * 3600) as sandbox:
        with pytest.raises(KeyError):
            sandbox.bytes_of(stray)
        assert sandbox.bytes_of(sandbox.channel("music").messages[0].attachments[0]) == b"kept"


async def test_any_text_survives(tmp_path: Path) -> None:
    texts = ["🎵 مرحبا", "a\u0000b", "\ud83c", "‮evil", "é\u0301"]
    async with sandbox_at(tmp_path / "h") as sandbox:
        for text in texts:
            room, author = sandbox.channel("music").channel, sandbox.application_id
            sandbox.world.add_message(sandbox.world.new_message(room, author, content=text))
    async with sandbox_at(tmp_path / "h") as again:
        assert [message.content for message in again.channel("music").messages] == texts


@given(st.lists(st.integers(-5000, 5000), max_size=30))
def test_ids_rise_whatever_the_clock_does(steps: list[int]) -> None:
    class Wild(Clock):
        at = NOON

        def now(self) -> float:
            return self.at

    clock = Wild()
    ids = Snowflakes(clock)
    given_out = []
    for step in steps:
        clock.at += step / 1000
        given_out.append(ids.next())
    assert given_out == sorted(set(given_out))


def test_an_id_tells_its_time() -> None:
    assert timestamp(Snowflakes(Clock(paused_at=NOON)).next()) == NOON
