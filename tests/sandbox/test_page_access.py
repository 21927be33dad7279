"""Whoever has no mouse, no good eyes, or only a telephone can use the page as well."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from sandbox.server import Sandbox
from tests.sandbox.axe import violations
from tests.sandbox.chat import Chat

pytestmark = pytest.mark.asyncio(loop_scope="session")
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 800}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def furniture(with_bot: Sandbox) -> None:
    """Something of every kind, in #general."""
    room = with_bot.channel("general")
    alice, bob = with_bot.member("alice"), with_bot.member("bob")
    said = await alice.send(
        "# Head\n**bold** `code` ||spoiler|| @everyone <t:1780000000:R>\n```x = 1```\n- item", at=room
    )
    files = [("a.mp3", b"no music"), ("b.bin", b"1")]
    await bob.send(f"{alice.mention} an answer", reply_to=said, files=files, at=room)
    for command in ("embed", "card", "panel", "roles"):
        await (await alice.slash(command, at=room)).finished()
    await (await alice.slash("preset save", name="mine", at=room)).finished()


@pytest_asyncio.fixture(loop_scope="session")
async def furnished(chat: Chat, furniture: None) -> Chat:
    """The page, showing it."""
    await chat.page.get_by_role("navigation").get_by_role("button", name="general").click()
    await expect(chat.last).to_contain_text("saved mine")
    return chat


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(furnished: Chat, scheme: Any) -> None:
    chat = furnished
    await chat.page.emulate_media(color_scheme=scheme)
    assert await violations(chat.page) == []
    await chat.text.focus()
    await chat.keys.type("/search ")
    await expect(chat.suggestions.first).to_be_visible()
    assert await violations(chat.page) == []
    await chat.keys.press("Escape")
    await chat.keys.press("Escape")
    await chat.text.fill("")
    await chat.page.locator(".you-switch").click()
    assert await violations(chat.page) == []
    await chat.keys.press("Escape")
    await chat.command("/ask")
    await expect(chat.dialog).to_be_visible()
    assert await violations(chat.page) == []


async def test_tab_goes_from_rooms_over_messages_to_the_field(furnished: Chat) -> None:
    chat = furnished
    await chat.page.locator(".skip").focus()
    where = """() => {
        const { activeElement: element } = document;
        return element.closest("nav, .messages, .composer, .skip")?.classList[0] ?? element.localName;
    }"""
    message = "() => document.activeElement.matches('.message') && document.activeElement.id"
    seen: list[str] = []
    messages = set()
    for _ in range(120):
        await chat.keys.press("Tab")
        place = str(await chat.evaluate(where))
        if not seen or seen[-1] != place:
            seen.append(place)
        if place == "messages":
            messages.add(await chat.evaluate(message))
        if await chat.evaluate("() => document.activeElement.id === 'composer-text'"):
            break
    assert seen == ["sidebar", "messages", "composer"]
    # The list is one stop, apart from the controls inside its messages.
    assert len(messages - {False}) == 1


async def test_the_skip_link_leads_to_the_field(chat: Chat) -> None:
    await chat.page.locator(".skip").focus()
    await chat.keys.press("Enter")
    await expect(chat.text).to_be_focused()


async def test_new_messages_and_answers_are_read_out_but_not_every_step(
    chat: Chat, with_bot: Sandbox
) -> None:
    heard = chat.page.locator("#announcer")
    await with_bot.member("bob").send("can you **hear** me")
    await expect(heard).to_contain_text("Bob: can you hear me")
    await chat.command("/slow")
    await expect(heard).to_contain_text("Antiphon: is thinking…")
    await expect(heard).to_contain_text("Antiphon: done. File a.mp3")
    spoken = await heard.locator("p").all_inner_texts()
    assert sum("half" in line for line in spoken) <= 1


async def test_the_focus_stays_where_it_was_when_the_bot_edits(chat: Chat) -> None:
    await chat.command("/panel")
    await chat.last.get_by_role("button", name="count 0").focus()
    await chat.keys.press("Enter")
    await expect(chat.last).to_contain_text("counted to 1")
    assert await chat.evaluate("() => document.activeElement.closest('.message') !== null")


async def test_a_telephone_shows_it_all(furnished: Chat) -> None:
    chat = furnished
    await chat.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    try:
        overflow = "() => document.documentElement.scrollWidth - innerWidth"
        assert await chat.evaluate(overflow) <= 0
        wide = """() => [...document.querySelectorAll(".message *")]
            .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
            .map((one) => one.className)"""
        assert await chat.evaluate(wide) == []
        rooms = chat.page.get_by_role("navigation")
        await expect(rooms).to_be_hidden()
        await chat.page.get_by_role("button", name="Channels and people").click()
        await rooms.get_by_role("button", name="music").click()
        await expect(rooms).to_be_hidden()
        await expect(chat.page.get_by_role("heading", level=1)).to_have_text("music")
        await chat.text.click()
        await chat.page.get_by_role("button", name="Commands").click()
        await chat.page.get_by_role("option", name="/where").click()
        await chat.page.get_by_role("button", name="Send").click()
        await expect(chat.last).to_contain_text("['guild']")
    finally:
        await chat.page.set_viewport_size(DESK)  # type: ignore[arg-type]


async def test_the_theme_can_be_chosen_and_is_remembered(chat: Chat, with_bot: Sandbox) -> None:
    await chat.page.emulate_media(color_scheme="light")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    light = await chat.evaluate(ground)
    for _ in range(2):
        await chat.page.get_by_role("button", name="Theme").click()
    dark = await chat.evaluate(ground)
    assert dark != light
    await chat.open(with_bot.page_url)
    assert await chat.evaluate(ground) == dark
    await chat.page.get_by_role("button", name="Theme: dark").click()
    assert await chat.evaluate(ground) == light
