"""Reactions: over the REST API, as gateway events, and on the page."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.async_api import expect

from sandbox.model import Message, Permission
from sandbox.reactions import is_emoji
from sandbox.resolve import ActionError
from sandbox.server import Sandbox
from tests.sandbox.chat import Chat
from tests.sandbox.raw import Raw

THUMB, HEART = "👍", "❤️"


def path_of(message: Message, emoji: str, whose: str = "/@me") -> str:
    return f"/channels/{message.channel_id}/messages/{message.id}/reactions/{quote(emoji)}{whose}"


async def reacted(raw: Raw, message: Message) -> list[tuple[str, int, bool]]:
    answer = await raw.call("GET", f"/channels/{message.channel_id}/messages/{message.id}")
    return [(one["emoji"]["name"], one["count"], one["me"]) for one in answer.body.get("reactions", [])]


async def test_reactions_are_counted_listed_and_taken_back(raw: Raw) -> None:
    alice, bob = raw.sandbox.member("alice"), raw.sandbox.member("bob")
    message = await alice.send("a clip")
    assert await reacted(raw, message) == []
    await bob.react(message, THUMB)
    await bob.react(message, THUMB)
    for _ in range(2):
        assert (await raw.call("PUT", path_of(message, THUMB))).status == 204
    await alice.react(message, HEART)
    assert await reacted(raw, message) == [(THUMB, 2, True), (HEART, 1, False)]
    listed = await raw.call("GET", path_of(message, THUMB, ""))
    assert {one["username"] for one in listed.body} == {"bob", "antiphon"}
    page = await raw.call("GET", path_of(message, THUMB, "?limit=1"))
    (first,) = page.body
    rest = await raw.call("GET", path_of(message, THUMB, f"?after={first['id']}"))
    assert len(rest.body) == 1
    assert (await raw.call("DELETE", path_of(message, THUMB))).status == 204
    await bob.react(message, THUMB, on=False)
    assert await reacted(raw, message) == [(HEART, 1, False)]


async def test_a_moderating_bot_removes_the_reactions_of_others(raw: Raw) -> None:
    alice = raw.sandbox.member("alice")
    message = await alice.send("a clip")
    await alice.react(message, THUMB)
    await alice.react(message, HEART)

    theirs = path_of(message, THUMB, f"/{alice.id}")
    raw.music.overwrite("bot", deny=Permission.MANAGE_MESSAGES)
    for path in (theirs, path_of(message, THUMB, ""), path_of(message, "", "").rstrip("/")):
        assert (await raw.call("DELETE", path)).code == 50013
    raw.music.overwrite("bot", allow=Permission.MANAGE_MESSAGES)
    assert (await raw.call("DELETE", theirs)).status == 204
    assert await reacted(raw, message) == [(HEART, 1, False)]
    await alice.react(message, THUMB)
    assert (await raw.call("DELETE", path_of(message, HEART, ""))).status == 204
    assert await reacted(raw, message) == [(THUMB, 1, False)]
    assert (await raw.call("DELETE", path_of(message, "", "").rstrip("/"))).status == 204
    assert await reacted(raw, message) == []


@pytest.mark.parametrize("emoji", ["hi", "x:123456789012345678", "<b>", "1", "👍" * 21])
async def test_what_is_no_emoji_is_refused(emoji: str, raw: Raw) -> None:
    message = await raw.sandbox.member("alice").send("a clip")
    for method in ("PUT", "DELETE"):
        answer = await raw.call(method, path_of(message, emoji))
        assert (answer.status, answer.code) == (400, 10014)
    with pytest.raises(ActionError, match="10014"):
        await raw.sandbox.member("bob").react(message, emoji)


@pytest.mark.parametrize("emoji", ["👍🏽", "👨‍👩‍👧", "🇩🇪", "5️⃣", "‼️", "↗️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"])
def test_emojis_of_several_code_points_are_known(emoji: str) -> None:
    assert is_emoji(emoji)


async def test_reactions_outlive_a_restart(tmp_path: Path) -> None:
    history = tmp_path / "history.sqlite3"
    async with Sandbox(history) as sandbox:
        message = await sandbox.member("alice").send("a clip")
        sandbox.world.store.flush()
        await sandbox.member("bob").react(message, HEART)
        bob = sandbox.member("bob").id
    async with Sandbox(history) as sandbox:
        assert sandbox.world.messages[message.id].reactions == {HEART: [bob]}


@pytest.mark.asyncio(loop_scope="session")
async def test_a_member_reacts_on_the_page(chat: Chat, with_bot: Sandbox) -> None:
    message = await with_bot.member("bob").send("what a clip")
    shown = chat.message("what a clip")
    await shown.hover()
    await shown.get_by_role("button", name="Add reaction").click()
    await chat.keys.press("ArrowRight")
    await chat.keys.press("ArrowLeft")
    await chat.keys.press("Enter")
    mine = shown.get_by_role("button", name="Alice reacted with thumbs up")
    await expect(mine).to_have_attribute("aria-pressed", "true")
    await with_bot.member("bob").react(message, THUMB)
    both = shown.get_by_role("button", name="Alice and Bob reacted with thumbs up")
    await expect(both).to_have_text("👍2")
    await both.click()
    theirs = shown.get_by_role("button", name="Bob reacted with thumbs up")
    await expect(theirs).to_have_attribute("aria-pressed", "false")
    await expect(theirs).to_be_focused()
    assert message.reactions == {THUMB: [with_bot.member("bob").id]}
