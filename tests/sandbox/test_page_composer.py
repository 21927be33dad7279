"""The message field: which keys reach it, long texts in it, and ways out of a command that lose nothing."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from sandbox.server import Sandbox
from tests.sandbox.chat import Chat

pytestmark = pytest.mark.asyncio(loop_scope="session")
LONG = "a slow piano waltz in the rain with a cello that enters late "


def mood(chat: Chat) -> Locator:
    return chat.page.get_by_role("textbox", name="mood, required")


async def begin(chat: Chat, line: str) -> None:
    await chat.text.focus()
    await chat.keys.type(line)
    await expect(chat.page.locator(".command-line")).to_be_visible()


async def test_a_key_pressed_anywhere_is_written_into_the_field(chat: Chat) -> None:
    await chat.say("something to stand on")
    await chat.last.focus()
    await chat.keys.type("hello there")
    await expect(chat.text).to_have_value("hello there")
    await chat.text.fill("")
    await chat.evaluate("() => document.activeElement.blur()")
    await chat.keys.type("/search calm")
    await expect(mood(chat)).to_have_value("calm")


async def test_keys_that_write_nothing_or_have_another_use_stay_where_they_are(chat: Chat) -> None:
    switch = chat.page.locator(".you-switch")
    await switch.focus()
    await chat.keys.press("Shift")
    await chat.keys.press("Control+c")
    await expect(switch).to_be_focused()
    await chat.keys.press(" ")
    await expect(chat.page.get_by_role("menu")).to_be_visible()
    await chat.keys.press("b")
    await expect(chat.page.get_by_role("menu")).to_be_visible()
    await chat.keys.press("Escape")
    await expect(chat.text).to_have_value("")


async def test_escape_leaves_a_command_with_what_was_typed_and_enter_goes_on(
    chat: Chat, with_bot: Sandbox
) -> None:
    await begin(chat, "/search rain on a roof number:7")
    await chat.keys.press("Escape")
    await chat.keys.press("Escape")
    await expect(chat.text).to_have_value("/search rain on a roof number:7")
    await chat.keys.press("End")
    await chat.keys.press("Backspace")
    await chat.keys.type("3")
    await expect(chat.page.locator(".command-line")).to_have_count(0)
    await chat.keys.press("Enter")
    await expect(mood(chat)).to_have_value("rain on a roof")
    await chat.keys.press("Enter")
    await expect(chat.last).to_contain_text("rain on a roof 3")


async def test_enter_goes_on_with_a_kept_command_also_where_the_list_is_closed(chat: Chat) -> None:
    await begin(chat, "/search rain")
    for _ in range(3):
        await chat.keys.press("Escape")
    await expect(chat.text).to_have_value("/search rain")
    await expect(chat.page.locator(".suggest")).to_be_hidden()
    await chat.keys.press("Enter")
    await expect(mood(chat)).to_have_value("rain")


async def test_a_command_is_left_by_mouse(chat: Chat) -> None:
    await expect(chat.page.get_by_role("button", name="Leave the command")).to_be_hidden()
    await begin(chat, "/search calm")
    await chat.page.get_by_role("button", name="Leave the command").click()
    await expect(chat.text).to_be_focused()
    await expect(chat.text).to_have_value("")


async def test_a_command_waits_in_its_channel(chat: Chat) -> None:
    rooms = chat.page.get_by_role("navigation")
    await begin(chat, "/search soft [verse] rain number:4")
    await rooms.get_by_role("button", name="general").click()
    await expect(chat.text).to_have_value("")
    await rooms.get_by_role("button", name="music").click()
    await expect(chat.text).to_have_value("/search soft [verse] rain number:4")
    await expect(chat.text).to_be_focused()
    await chat.keys.press("Enter")
    await expect(mood(chat)).to_have_value("soft [verse] rain")


@pytest.mark.parametrize(("width", "times"), [(1280, 6), (390, 4)])
async def test_a_long_text_wraps_and_is_seen_whole(chat: Chat, width: int, times: int) -> None:
    await chat.page.set_viewport_size({"width": width, "height": 844})
    try:
        await chat.text.focus()
        await chat.keys.insert_text("/search ")
        await expect(mood(chat)).to_be_visible()
        await chat.keys.insert_text((LONG * times).strip())
        for size in (width, width - 60):
            await chat.page.set_viewport_size({"width": size, "height": 844})
            whole = """element => element.scrollHeight <= element.clientHeight + 1
                && element.scrollWidth <= element.clientWidth + 1
                && element.getBoundingClientRect().right <= innerWidth
                && element.clientHeight > 2 * parseFloat(getComputedStyle(element).lineHeight)"""
            await chat.page.wait_for_function(whole, arg=await mood(chat).element_handle())
    finally:
        await chat.page.set_viewport_size({"width": 1280, "height": 800})
