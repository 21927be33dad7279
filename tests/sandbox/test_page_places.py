"""Links to messages, marks of what is unread, and presses that the list moves under."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from sandbox.handles import ChannelHandle
from sandbox.model import Json, Message
from sandbox.server import Sandbox
from tests.sandbox.chat import Chat

pytestmark = pytest.mark.asyncio(loop_scope="session")


def by_bot(sandbox: Sandbox, at: ChannelHandle, **body: object) -> Message:
    return sandbox.messages.create(at.channel, sandbox.application_id, body, [])


def address(sandbox: Sandbox, message: Message) -> str:
    guild = sandbox.channel("music").channel.guild_id
    return f"https://discord.com/channels/{guild}/{message.channel_id}/{message.id}"


def button(label: str, **fields: object) -> list[Json]:
    return [{"type": 1, "components": [{"type": 2, "style": 2, "label": label} | fields]}]


async def test_a_link_to_a_message_stays_in_the_page_however_old_the_message(
    chat: Chat, with_bot: Sandbox
) -> None:
    general = with_bot.channel("general")
    old = await with_bot.member("bob").send("the one in question", at=general)
    for number in range(120):
        by_bot(with_bot, general, content=f"later {number}")
    url = address(with_bot, old)
    by_bot(with_bot, with_bot.channel("music"), content=f"[the clip]({url})")
    by_bot(with_bot, with_bot.channel("music"), content=url)
    by_bot(
        with_bot, with_bot.channel("music"), content="by button", components=button("Go", url=url, style=5)
    )
    # What the page was told while it was open it knows; afresh, it begins with the newest fifty.
    await chat.open(with_bot.page_url)
    music = chat.page.get_by_role("navigation").get_by_role("button", name="music")
    question = chat.message("the one in question")
    for target in (
        chat.page.get_by_role("link", name="the clip").last,
        chat.page.get_by_role("link", name="#general › message").last,
        chat.message("by button").get_by_role("button", name="Go"),
    ):
        await target.click()
        await expect(chat.page.locator("#room-name")).to_have_text("general")
        await expect(question).to_be_in_viewport()
        await expect(question).to_be_focused()
        await music.click()
    assert len(chat.page.context.pages) == 1


async def test_a_link_to_where_one_may_not_look_or_to_nothing_says_so(chat: Chat, with_bot: Sandbox) -> None:
    guild = with_bot.channel("music").channel.guild_id
    secret = with_bot.dm("carol", "bob").channel.id
    by_bot(with_bot, with_bot.channel("music"), content=f"https://discord.com/channels/@me/{secret}/1")
    await chat.page.get_by_role("link", name="#unknown › message").last.click()
    await expect(chat.page.locator(".toast").last).to_contain_text("Alice cannot see that channel.")
    music = with_bot.channel("music").channel.id
    by_bot(
        with_bot, with_bot.channel("music"), content=f"[gone](https://discord.com/channels/{guild}/{music}/1)"
    )
    await chat.page.get_by_role("link", name="gone").last.click()
    await expect(chat.page.locator(".toast").last).to_contain_text("That message is gone")


async def test_a_mentioned_command_and_channel_open_on_a_press(chat: Chat, with_bot: Sandbox) -> None:
    command = next(one for one in with_bot.world.commands_of(None) if one.name == "search")
    general = with_bot.channel("general").channel.id
    by_bot(with_bot, with_bot.channel("music"), content=f"try </search:{command.id}> in <#{general}>")
    for number in range(4):
        by_bot(with_bot, with_bot.channel("music"), content=f"The list of options covers line {number}.")
    mention = chat.message("try /search")
    await mention.get_by_role("button", name="/search").click()
    await expect(chat.page.locator(".command-name")).to_have_text("/search")
    await mention.get_by_role("button", name="#general").click()
    await expect(chat.page.locator("#room-name")).to_have_text("general")


async def test_what_is_unread_is_marked_also_after_a_reload(chat: Chat, with_bot: Sandbox) -> None:
    rooms = chat.page.get_by_role("navigation")
    general = with_bot.channel("general")
    # Read once, so that everything from now on is new there.
    await rooms.get_by_role("button", name="general").click()
    await rooms.get_by_role("button", name="music").click()
    alice, bob = with_bot.member("alice"), with_bot.member("bob")
    await bob.send("not read yet", at=general)
    await expect(rooms.get_by_role("button", name="general, unread")).to_be_visible()
    await bob.send(f"{alice.mention} for you", at=general)
    await expect(rooms.get_by_role("button", name="general, 1 for you")).to_be_visible()
    await chat.open(with_bot.page_url)
    await rooms.get_by_role("button", name="general, 1 for you").click()
    line = chat.page.locator(".new-line + li")
    await expect(line).to_contain_text("not read yet")
    await expect(rooms.get_by_role("button", name="general", exact=True)).to_be_visible()
    await chat.open(with_bot.page_url)
    await expect(chat.page.locator(".new-line")).to_have_count(0)


async def test_the_second_press_of_a_double_click_does_not_reach_the_button_that_moved_there(
    chat: Chat, with_bot: Sandbox
) -> None:
    for number in range(30):
        by_bot(with_bot, with_bot.channel("music"), content=f"so that the list scrolls, {number}")
    for name in ("first", "second"):
        by_bot(
            with_bot,
            with_bot.channel("music"),
            content=name,
            components=button("Off", custom_id=f"off {name}"),
        )
    await expect(chat.last).to_contain_text("second")
    sent = len(with_bot.world.interactions)
    # As the message goes, the one before moves to where its button was.
    await chat.page.evaluate(
        """() => document.addEventListener("click", () => {
            document.querySelector(".messages li:last-child").remove();
            const scroller = document.getElementById("scroller");
            scroller.scrollTop = scroller.scrollHeight;
        }, { once: true })"""
    )
    await chat.last.get_by_role("button", name="Off").dblclick()
    await expect(chat.last).to_contain_text("first")
    await chat.say("all presses are through")
    pressed = [one.data["custom_id"] for one in list(with_bot.world.interactions.values())[sent:]]
    assert pressed == ["off second"]
    with_bot.clock.advance(4)
