"""The page in a real browser, against an ordinary with_bot.py bot in a process of its own."""

from __future__ import annotations

import filecmp
import time
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.server import Sandbox
from tests.sandbox.chat import Chat, open_chat
from tests.sandbox.plain_bot import DOT
from tests.sandbox.program import Program

pytestmark = pytest.mark.asyncio(loop_scope="session")


# Commands


async def test_a_command_is_typed_with_the_keys_alone(chat: Chat) -> None:
    await chat.text.focus()
    await chat.keys.type("/sear")
    await expect(chat.suggestions).to_have_count(1)
    await expect(chat.suggestions.first).to_contain_text("/search")
    await chat.keys.press("Enter")
    await chat.keys.type("calm")
    await expect(chat.suggestions).to_have_text(["None-Calm", "None-Calmer"])
    await chat.keys.press("ArrowDown")
    await chat.keys.press("ArrowDown")
    await chat.keys.press("Enter")
    await chat.keys.type("num")
    await chat.keys.press("Tab")
    await chat.keys.type("7")
    await chat.keys.press("Enter")
    await expect(chat.message("None-calmer 7").locator(".context")).to_contain_text("Alice used /search")
    await expect(chat.text).to_be_focused()


async def test_autocomplete_knows_what_the_other_options_hold(chat: Chat) -> None:
    await chat.text.focus()
    await chat.keys.type("/search mood:wild number:3")
    await chat.page.get_by_role("textbox", name="mood, required").click()
    await expect(chat.suggestions).to_have_text(["3-Wild"])


async def test_what_is_typed_need_not_be_among_the_choices(chat: Chat) -> None:
    await chat.command("/search something else")
    await expect(chat.message("something else 0")).to_be_visible()


async def test_shift_and_enter_break_a_line_in_a_text(chat: Chat, with_bot: Sandbox) -> None:
    await chat.text.focus()
    await chat.keys.type("/search ")
    await chat.keys.type("[verse]")
    await chat.keys.press("Shift+Enter")
    await chat.keys.type("rain")
    await expect(chat.page.get_by_role("textbox", name="mood, required")).to_have_value("[verse]\nrain")
    await chat.keys.press("Enter")
    await expect(chat.last).to_contain_text("rain 0")
    interaction = max(with_bot.world.interactions.values(), key=lambda one: one.id)
    assert interaction.data["options"][0]["value"] == "[verse]\nrain"


async def test_shift_and_enter_break_no_line_in_a_number(chat: Chat) -> None:
    await chat.text.focus()
    await chat.keys.type("/search calm number:7")
    await chat.keys.press("Shift+Enter")
    await expect(chat.message("calm 7")).to_be_visible()


async def test_every_kind_of_option(chat: Chat, tmp_path: Path) -> None:
    (tmp_path / "song.mid").write_bytes(b"12345")
    await chat.text.focus()
    await chat.keys.type("/options text:rain count:3 ratio:0.5 flag:tr")
    await chat.keys.press("Enter")
    for typed in ("@bo", "#mus", "mod", "Moder"):
        await chat.keys.type(typed)
        await expect(chat.suggestions).not_to_have_count(0)
        await chat.keys.press("Enter")
    await expect(chat.hint).to_contain_text("file")
    await chat.page.set_input_files(".option-pill input[type=file]", tmp_path / "song.mid")
    await expect(chat.page.locator(".option-file")).to_have_text("song.mid")
    await chat.keys.press("Tab")
    await chat.keys.type("size:lar")
    await chat.keys.press("Enter")
    await chat.keys.press("Enter")
    expected = "rain 3 0.5 True bob music Moderator Moderator song.mid 5 Large"
    await expect(chat.last).to_contain_text(expected)


async def test_what_discord_would_not_send_is_marked_and_not_sent(chat: Chat, with_bot: Sandbox) -> None:
    sent = len(with_bot.world.interactions)
    await chat.text.focus()
    await chat.keys.type("/options text:x count:12")
    await chat.keys.press("Enter")
    assert (await chat.focused()).startswith("text, required")
    await expect(chat.hint).to_contain_text("Write 2 to 10 characters, not 1.")
    await chat.keys.type("yz")
    await chat.keys.press("Enter")
    assert (await chat.focused()).startswith("count, required")
    await expect(chat.hint).to_contain_text("Write a number from 1 to 9.")
    await chat.keys.press("Backspace")
    await chat.keys.press("Enter")
    assert (await chat.focused()).startswith("ratio, required")
    await expect(chat.hint).to_contain_text("This option is required.")
    assert len(with_bot.world.interactions) == sent


async def test_leaving_a_command_gives_its_name_back_as_text(chat: Chat) -> None:
    await chat.text.focus()
    await chat.keys.type("/search ")
    await expect(chat.page.locator(".command-name")).to_have_text("/search")
    await chat.keys.press("Backspace")
    await expect(chat.text).to_have_value("/search")
    await expect(chat.suggestions.first).to_contain_text("/search")


async def test_sub_commands_and_what_only_you_can_see(chat: Chat) -> None:
    await chat.command("/preset save mine")
    mine = chat.message("saved mine")
    await expect(mine).to_contain_text("Only you can see this")
    await chat.become("Bob")
    await expect(mine).to_have_count(0)
    await chat.become("Alice")
    await mine.get_by_role("button", name="Dismiss message").click()
    await expect(mine).to_have_count(0)


async def test_thinking_is_shown_until_the_answer(chat: Chat, with_bot: Sandbox) -> None:
    with_bot.faults.delay(0.5, operation="update_original_webhook_message")
    await chat.command("/slow")
    thinking = chat.page.get_by_text("Antiphon is thinking…")
    await expect(thinking).to_be_visible()
    while await thinking.count():
        with_bot.clock.advance(0.6)
    await expect(chat.last).to_contain_text("done ['a.mp3']")


async def test_silence_is_told(chat: Chat, with_bot: Sandbox) -> None:
    await chat.command("/late")
    await expect(chat.page.get_by_text("Sending /late…")).to_be_visible()
    with_bot.clock.advance(3.01)
    note = chat.page.locator(".sending-line.failed")
    await expect(note).to_contain_text("The application did not respond.")
    await note.get_by_role("button", name="Dismiss message").click()
    await expect(note).to_have_count(0)


async def test_a_moderator_is_offered_more(chat: Chat) -> None:
    await chat.text.focus()
    await chat.keys.type("/purge")
    await expect(chat.page.locator(".suggest-empty")).to_have_text("No command fits “/purge”.")
    await chat.text.fill("")
    await chat.become("Mina")
    await chat.command("/purge")
    await expect(chat.message("purged").locator(".context")).to_contain_text("Mina used /purge")


# Right-click commands


async def test_a_command_of_a_message_by_mouse_and_by_keys(chat: Chat) -> None:
    said = await chat.say("words to quote")
    await said.locator(".message-body").click(button="right")
    await chat.page.get_by_role("menuitem", name="Quote it").click()
    await expect(chat.last).to_contain_text("“words to quote” alice")
    await chat.text.focus()
    for _ in range(10):
        await chat.keys.press("Shift+Tab")
        if (await chat.focused()).startswith("Alice, Today"):
            break
    await chat.keys.press("Shift+F10")
    menu = chat.page.get_by_role("menu")
    await expect(menu).to_be_visible()
    await chat.keys.press("End")
    assert await chat.focused() == "Delete message"
    await chat.keys.press("ArrowUp")
    await chat.keys.press("Enter")
    await expect(chat.page.locator(".message-body", has_text="“words to quote” alice")).to_have_count(2)
    await expect(menu).to_have_count(0)


async def test_a_command_of_a_person(chat: Chat) -> None:
    await chat.page.get_by_label("Channels and people").get_by_role("button", name="Carol").click()
    await chat.page.get_by_role("menuitem", name="Greet").click()
    await expect(chat.last).to_contain_text("hello carol")


# Messages


async def test_notes_are_a_file_to_download_and_no_player(chat: Chat, tmp_path: Path) -> None:
    notes = tmp_path / "song.mid"
    notes.write_bytes(b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0")
    await chat.page.set_input_files(".composer-row input[type=file]", notes)
    await expect(chat.page.locator(".upload")).to_contain_text("song.mid")
    message = await chat.say("the notes of it")
    await expect(message.get_by_role("link", name="Download song.mid")).to_be_visible()
    await expect(message.locator("audio")).to_have_count(0)


async def test_an_audio_file_plays_and_goes_on_through_an_edit(
    chat: Chat, song: Path, tmp_path: Path
) -> None:
    await chat.page.set_input_files(".composer-row input[type=file]", song)
    await expect(chat.page.locator(".upload")).to_contain_text("song.mp3")
    await chat.say("listen to this")
    message = chat.page.locator(".message", has=chat.page.locator("audio")).last
    player = message.get_by_role("group", name="Audio: song.mp3")
    audio = await player.locator("audio").element_handle()
    await player.get_by_role("button", name="Play song.mp3").press("Enter")
    later = "([audio, time]) => audio.currentTime > time"
    await chat.page.wait_for_function(later, arg=[audio, 0.3])
    await expect(player.locator(".audio-time")).to_contain_text("/ 0:06")
    await chat.text.focus()
    await chat.keys.press("ArrowUp")
    await chat.keys.type(" carefully")
    await chat.keys.press("Enter")
    await expect(message).to_contain_text("listen to this carefully (edited)")
    before = await audio.evaluate("audio => audio.currentTime")
    await chat.page.wait_for_function(later, arg=[audio, before + 0.2])
    await player.get_by_role("button", name="Pause song.mp3").click()
    await player.get_by_role("slider", name="Position in song.mp3").focus()
    await chat.keys.press("End")
    await chat.keys.press("ArrowLeft")
    length, now = await audio.evaluate("audio => [audio.duration, audio.currentTime]")
    assert length - now == pytest.approx(5)
    link = player.get_by_role("link", name="Download song.mp3")
    async with chat.page.expect_download() as download:
        await link.click()
    await (await download.value).save_as(tmp_path / "saved.mp3")
    assert filecmp.cmp(tmp_path / "saved.mp3", song, shallow=False)


async def test_embeds_and_cards_show_their_pictures(chat: Chat) -> None:
    await chat.command("/embed")
    shown = chat.last.locator(".embed")
    for words in ("auth", "T", "D", "f", "v", "foot"):
        await expect(shown.get_by_text(words, exact=True)).to_be_visible()
    await expect(chat.last.locator("img")).to_have_count(1)
    await chat.command("/card")
    card = chat.last.locator(".card")
    await expect(card.get_by_role("heading", name="Title")).to_be_visible()
    await expect(card.get_by_role("link", name="notes.txt", exact=True)).to_be_visible()
    await expect(card.get_by_role("link", name="Docs")).to_have_attribute("href", "https://example.com/")
    await card.get_by_role("button", name="Enlarge picture: again").scroll_into_view_if_needed()
    loaded = "() => [...document.querySelectorAll('.message img')].every((one) => one.naturalWidth === 1)"
    await chat.page.wait_for_function(loaded)
    await card.get_by_role("button", name="Enlarge picture: again").click()
    await expect(chat.dialog.get_by_role("img", name="again")).to_be_visible()
    await chat.keys.press("Escape")
    await card.get_by_role("button", name="Press").click()
    await expect(chat.last).to_contain_text("pressed")


async def test_replies_edits_and_deletions(chat: Chat, with_bot: Sandbox) -> None:
    await chat.say("!echo to and @fro @bob")
    await expect(chat.last).to_contain_text("to and @fro @Bob")
    await expect(chat.last.locator(".context")).to_contain_text("!echo to and")
    assert with_bot.channel("music").messages[-1].content == f"to and @fro {with_bot.member('bob').mention}"
    said = await chat.say("soon gone")
    await said.click(button="right")
    await chat.page.get_by_role("menuitem", name="Delete message").click()
    await chat.dialog.get_by_role("button", name="Delete").click()
    await expect(said).to_have_count(0)


async def test_threads_come_and_go_below_their_channel(chat: Chat, with_bot: Sandbox) -> None:
    rooms = chat.page.locator(".rooms")
    thread = with_bot.channel("music").thread("sketches")
    await expect(rooms.locator(".room-link")).to_contain_text(["music", "sketches", "general", "lobby"])
    await rooms.get_by_role("button", name="sketches").click()
    await chat.say("a first line")
    assert [message.content for message in thread.messages] == ["a first line"]
    with_bot.channel("music").thread("archived").archive()
    await expect(rooms.get_by_role("button", name="archived")).to_have_count(0)
    thread.delete()
    await expect(rooms.get_by_role("button", name="sketches")).to_have_count(0)
    await expect(chat.page.locator("#room-name")).to_have_text("music")


HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "[press me](javascript:alert(1))",
    '[<img src=x onerror=alert(1)>](https://example.com/"onmouseover=alert(1))',
    "```<svg onload=alert(1)>```",
    "||<iframe srcdoc='<script>parent.alert(1)</script>'>||",
)


async def test_hostile_text_stays_text(chat: Chat, with_bot: Sandbox) -> None:
    alice = with_bot.member("alice")
    for text in HOSTILE:
        await alice.send(text)
    await alice.send("", files=[("<img src=x onerror=alert(1)>.html", b"<script>alert(1)</script>")])
    await alice.send("the last of them")
    await expect(chat.last).to_contain_text("the last of them")
    shown = await chat.page.locator(".message-body").all_inner_texts()
    assert {HOSTILE[0], HOSTILE[1], HOSTILE[2]} <= set(shown)
    strange = "img, script, iframe, svg[onload], a[href^=javascript], [onerror], [onmouseover]"
    assert await chat.page.locator(".markdown").locator(strange).count() == 0


async def test_markup_cannot_get_in_even_by_mistake(chat: Chat) -> None:
    set_markup = "() => { try { document.body.innerHTML = '<b>'; } catch (error) { return error.name; } }"
    assert await chat.evaluate(set_markup) == "TypeError"
    chat.broken.clear()


# Components


async def test_buttons_selects_and_a_modal(chat: Chat, with_bot: Sandbox) -> None:
    await chat.command("/panel")
    panel = chat.page.locator(".message").filter(has=chat.page.get_by_role("combobox", name="Pick")).last
    await panel.get_by_role("combobox", name="Pick").click()
    for option in ("a", "c"):
        await chat.page.get_by_role("option", name=option, exact=True).click()
    await chat.keys.press("Escape")
    await expect(chat.last).to_contain_text("picked ['a', 'c']")
    await panel.locator("[data-key=user]").press("ArrowDown")
    await chat.page.get_by_role("option", name="Carol").press("Enter")
    await expect(chat.last).to_contain_text("user carol")
    await panel.get_by_role("button", name="Modal").click()
    said = chat.dialog.get_by_role("textbox", name="Say")
    await expect(said).to_have_value("preset")
    await said.fill("")
    await chat.dialog.get_by_role("button", name="Submit").click()
    await expect(chat.dialog).to_contain_text("This field is required.")
    await expect(said).to_be_focused()
    await said.fill("fresh")
    await chat.dialog.get_by_role("button", name="Submit").click()
    await expect(chat.message("edited to fresh")).to_be_visible()
    await expect(chat.dialog).to_have_count(0)


async def test_a_modal_of_every_field(chat: Chat, tmp_path: Path) -> None:
    (tmp_path / "dot.png").write_bytes(DOT)
    await chat.command("/ask")
    await chat.dialog.get_by_role("textbox", name="Name").fill("Al")
    await chat.dialog.get_by_role("button", name="Submit").click()
    await expect(chat.dialog.get_by_role("combobox", name="Colour")).to_be_focused()
    await chat.keys.press("Enter")
    await chat.page.get_by_role("option", name="blue").click()
    await chat.dialog.get_by_role("combobox", name="Friend").click()
    await chat.page.get_by_role("option", name="Bob").click()
    await chat.dialog.get_by_label("Files", exact=True).set_input_files(tmp_path / "dot.png")
    await expect(chat.dialog.locator(".upload")).to_contain_text(f"{len(DOT)} bytes")
    await chat.dialog.get_by_role("button", name="Submit").click()
    await expect(chat.last).to_contain_text(f"Al ['blue'] ['bob'] [{len(DOT)}]")
    await expect(chat.text).to_be_focused()


async def test_buttons_of_before_a_restart(browser: Browser, tmp_path: Path) -> None:
    history = tmp_path / "history.sqlite3"
    async with Sandbox(history, limits=Limits.none()) as first, Program(first):
        alice = first.member("alice")
        await first.until(lambda: "card" in alice.commands(), 20, "the commands")
        await (await alice.slash("panel")).finished()
        await (await alice.slash("card")).finished()
    async with (
        Sandbox(history, clock=Clock(paused_at=time.time()), limits=Limits.none()) as second,
        Program(second),
        open_chat(browser, second.page_url) as chat,
    ):
        await chat.page.get_by_role("button", name="count 0").click()
        await expect(chat.page.get_by_role("button", name="count 1")).to_be_visible()
        # The bot keeps no view for this one: nobody answers.
        await chat.page.get_by_role("button", name="Press").click()
        await expect(chat.page.get_by_role("button", name="Press")).to_have_attribute("aria-busy", "true")
        second.clock.advance(3.01)
        await expect(chat.last).to_contain_text("This interaction failed.")


async def test_the_page_comes_back_after_the_connection_broke(chat: Chat, with_bot: Sandbox) -> None:
    await chat.become("Carol")
    for socket in list(with_bot.page._sockets):
        await socket.close()
    await expect(chat.page.locator(".notice")).to_contain_text("The sandbox has stopped.")
    await expect(chat.page.locator(".notice")).to_have_count(0)
    said = await chat.say("still here")
    await expect(said.locator(".author")).to_have_text("Carol")
