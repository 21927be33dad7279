"""Presets: making, sharing, rating, editing, reporting and deleting them, across a restart too."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bot.audio.tags import read_recipe
from bot.recipe import Mode
from sandbox.actors import Actor, ReplacedAnswerError, Reply, text_of
from sandbox.components import walk
from sandbox.model import Message, Permission
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import WAIT, ask, button_ids, clip_of, labels, made, mp3_of, pressed, private

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def mina(bot: BotProcess) -> Actor:
    return bot.sandbox.member("mina")


async def said(actor: Actor, command: str, **options: object) -> str:
    """Use a command, and return all that its answer says."""
    return await answer_of(await actor.slash(command, options))


async def answer_of(reply: Reply) -> str:
    return text_of(await private(reply))


async def saved(actor: Actor, name: str, template: str, **typed: str) -> str:
    """Save a preset from scratch by its form."""
    form = await actor.slash("preset save", start="scratch")
    values = {"name": name, "template": template, "settings": "mode: diffusion\nseconds: 1", **typed}
    return await answer_of(await actor.submit(form, values))


async def shared(actor: Actor, name: str) -> str:
    """Share a preset with everybody and return its code."""
    text = await said(actor, "preset share", preset=name, **{"with": "everyone"})
    match = re.search(r"`(\w{6})`", text)
    assert match, text
    return match[1]


async def made_and_shared(actor: Actor, name: str) -> str:
    """Make a preset of a clip by the clip's menu, and share it, and return its code."""
    clip = await made(actor, "tin roof", mode="diffusion", steps=12)
    form = await actor.message_menu("Save as preset", clip)
    values = {"name": name, "template": "{prompt} on a tin roof", "tags": "rain, Calm"}
    assert "Saved" in await answer_of(await actor.submit(form, values))
    return await shared(actor, name.replace("*", "").replace("@", ""))


async def test_a_preset_of_a_clip_is_found_by_others_with_its_example(alice: Actor, bob: Actor) -> None:
    code = await made_and_shared(alice, "**Rainy** @everyone roof")
    [choice] = await bob.autocomplete("music", "preset", "rainy everyo")
    assert choice["name"] == f"Rainy everyone roof · diffusion · public · {choice['value']}"
    card = await private(await bob.slash("preset show", preset=code))
    assert "{prompt} on a tin roof" in text_of(card).replace("\\", "")
    assert [a.filename for a in card.attachments] == ["example.mp3"]
    assert not alice.sees(card)


async def test_a_preset_is_rated_by_members_who_used_it(
    bot: BotProcess, alice: Actor, bob: Actor, tmp_path: Path
) -> None:
    code = await made_and_shared(alice, "Rated roof")
    assert "Make a clip with this preset first" in await said(bob, "preset rate", preset=code, vote="up")
    assert "Good" not in labels(await private(await bob.slash("preset show", preset=code)))
    clip = await clip_of(await ask(bob, "snow", preset=code, seed=5))
    recipe = read_recipe(mp3_of(clip, bot.sandbox, tmp_path))
    assert (recipe.prompt, recipe.mode) == ("snow on a tin roof", Mode.DIFFUSION)
    # The member's own options go before the preset's.
    assert (recipe.seconds, recipe.seed, recipe.options["num_sampling_steps"]) == (2, 5, 12)
    assert "👍 1 👎 0" in await said(bob, "preset rate", preset=code, vote="up")
    assert "👍 0 👎 1" in await said(bob, "preset rate", preset=code, vote="down")
    shown = await private(await bob.slash("preset show", preset=code))
    assert labels(shown) == ["Use", "Fork", "Good", "Not so good", "Report"]
    assert "So far: 👍 0 👎 1 · 1 clip" in text_of(shown)


async def test_clips_and_forks_keep_their_version(alice: Actor, bob: Actor) -> None:
    code = await made_and_shared(alice, "Edited roof")
    clip = await clip_of(await ask(bob, "snow", preset=code))
    assert "your own copy" in await said(bob, "preset fork", preset=code, name="Snowy roof")
    form = await bob.slash("preset edit", preset="snowy ROOF")
    assert "version 2" in await answer_of(await bob.submit(form, {"template": "{prompt} on snow"}))
    form = await alice.slash("preset edit", preset=code)
    assert "version 2" in await answer_of(await alice.submit(form, {"settings": "mode: ar"}))
    shown = await answer_of(await pressed(bob, clip, "Preset"))
    assert "Version 1 of 2" in shown
    assert "1 fork" in shown
    assert "Forked from: Edited roof" in await said(bob, "preset show", preset="Snowy roof")


async def test_a_card_from_before_a_restart_works(
    bot: BotProcess, alice: Actor, bob: Actor, tmp_path: Path
) -> None:
    code = await made_and_shared(alice, "Lasting roof")
    card = await private(await bob.slash("preset show", preset=code))
    await bot.kill()
    await bot.restart()
    form = await bob.click(card, "Use")
    clip = await clip_of(await bob.submit(form, {"words": "hail"}))
    assert read_recipe(mp3_of(clip, bot.sandbox, tmp_path)).prompt == "hail on a tin roof"
    rated = await private(await pressed(bob, clip, "Preset"))
    assert "👍 1 👎 0" in await answer_of(await bob.click(rated, "Good"))


async def test_a_reported_preset_is_hidden_and_restored(
    bot: BotProcess, alice: Actor, bob: Actor, mina: Actor
) -> None:
    code = await made_and_shared(alice, "Reported roof")
    card = await private(await bob.slash("preset show", preset=code))
    form = await bob.click(card, "Report")
    assert "moderators" in await answer_of(await bob.submit(form, {"reason": "too *wet*"}))
    assert "already reported this preset" in await said(bob, "preset report", preset=code, reason="wet")
    queue = await private(await mina.slash("reports"))
    assert "Reported roof" in text_of(queue)
    case = await private(await mina.click(queue, "Look at 1"))
    assert "too" in text_of(case)
    await mina.click(case, "Hide")
    assert "Hidden" in await hears(bot, case)
    assert "no such preset" in await said(bob, "preset show", preset=code)
    assert "Reported roof" in await said(alice, "preset show", preset=code)
    case = await private(await mina.click(await private(await mina.slash("reports")), "Look at 1"))
    await mina.click(case, "Restore")
    assert "stays" in await hears(bot, case)
    assert "Reported roof" in await said(bob, "preset show", preset=code)


async def test_a_deleted_preset_leaves_its_forks(bot: BotProcess, alice: Actor, bob: Actor) -> None:
    code = await made_and_shared(alice, "Deleted roof")
    assert "your own copy" in await said(bob, "preset fork", preset=code, name="Kept roof")
    question = await private(await alice.slash("preset delete", preset=code))
    await alice.click(question, "Delete it")
    assert "stays" in await hears(bot, question)
    assert "no such preset" in await said(alice, "preset show", preset=code)
    assert "Forked from: Deleted roof" in await said(bob, "preset show", preset="Kept roof")


async def hears(bot: BotProcess, message: Message) -> str:
    """Return what a message says once its buttons are gone."""
    await bot.sandbox.until(lambda: not button_ids(message) or None, WAIT, "the decision")
    return text_of(message)


async def test_a_banned_author_is_not_seen_and_shares_no_more(
    bot: BotProcess, alice: Actor, bob: Actor, mina: Actor
) -> None:
    await saved(alice, "Loud", "very loud drums")
    await said(alice, "preset share", preset="Loud", **{"with": "this server"})
    await said(bob, "preset report", preset="Loud", reason="ouch")
    case = await private(await mina.click(await private(await mina.slash("reports")), "Look at 1"))
    await mina.click(case, "Ban author")
    await hears(bot, case)
    assert "no such preset" in await said(bob, "preset show", preset="Loud")
    refused = await said(alice, "preset share", preset="Loud", **{"with": "everyone"})
    assert "moderator" in refused
    case = await private(await mina.click(await private(await mina.slash("reports")), "Look at 1"))
    await mina.click(case, "Unban author")
    await hears(bot, case)
    assert "Loud" in await said(bob, "preset show", preset="Loud")


async def test_presets_travel_in_a_file(bot: BotProcess, alice: Actor, bob: Actor) -> None:
    await saved(alice, "雨の東京", "{prompt}, 雨の東京タワーの夜", tags="night", description="wet & late")
    exported = await private(await alice.slash("preset export", preset="雨の東京"))
    data = bot.sandbox.bytes_of(exported.attachments[0])
    post = await alice.send("for you", files=[("presets.json", data)])
    assert "Imported 1 preset" in await answer_of(await bob.message_menu("Import presets", post))
    assert "Imported 1 preset" in await said(bob, "preset import", file=("again.json", data))
    own = await private(await bob.slash("preset export", preset="雨の東京 2"))
    imported = json.loads(bot.sandbox.bytes_of(own.attachments[0]))
    original = json.loads(data)
    original["presets"][0]["name"] += " 2"
    assert imported == original

    bad = json.loads(data)
    bad["presets"][0]["seconds"] = "long"
    refused = await said(bob, "preset import", file=("bad.json", json.dumps(bad).encode()))
    assert "presets[0].seconds has to be a number from 0.1 to 600" in refused
    post = await alice.send("no file")
    assert "no preset file" in await answer_of(await bob.message_menu("Import presets", post))
    assert "雨の東京" in await said(bob, "preset browse", text="東京タワー")


async def test_browsing_turns_pages_after_a_restart_too(bot: BotProcess, bob: Actor) -> None:
    pages = await private(await bob.slash("preset browse", mode="ar", sort="use"))
    first = text_of(pages)
    assert "5. " in first
    await bot.kill()
    await bot.restart()
    await bob.click(pages, "More")
    await bot.sandbox.until(lambda: "6. " in text_of(pages) or None, WAIT, "the second page")
    await bob.click(pages, "Back")
    await bot.sandbox.until(lambda: text_of(pages) == first or None, WAIT, "the first page")
    assert "Settings" in await answer_of(await bob.click(pages, "Show 1"))
    assert "Nothing matches" in await said(bob, "preset browse", text='"')


async def test_a_page_of_presets_is_short_and_uses_them(bot: BotProcess, bob: Actor, tmp_path: Path) -> None:
    page = await private(await bob.slash("preset browse", sort="newest", text="lofi"))
    assert labels(page)[0] == "Use 1"
    assert "👍 0" not in text_of(page)
    assert " 0 " not in text_of(page)
    titles = [embed["title"] for embed in page.embeds]
    # The starters exist in both modes; each scenario is shown once.
    starters = [
        title for title in titles if title.endswith("lofi (ar)") or title.endswith("lofi (diffusion)")
    ]
    assert len(starters) == len({title.rpartition(" (")[0].partition(". ")[2] for title in starters}) == 1
    assert "(diffusion)" in text_of(
        await private(await bob.slash("preset browse", mode="diffusion", text="lofi"))
    )
    number = next(n for n, title in enumerate(titles, 1) if title in starters)
    form = await bob.click(page, f"Use {number}")
    clip = await clip_of(await bob.submit(form, {"words": "rain"}))
    assert "lofi" in read_recipe(mp3_of(clip, bot.sandbox, tmp_path)).prompt


async def test_after_saving_the_next_steps_are_buttons(bot: BotProcess, alice: Actor, bob: Actor) -> None:
    form = await alice.slash("preset save", start="scratch")
    values = {"name": "Next steps", "template": "{prompt}, slow", "settings": "mode: diffusion\nseconds: 1"}
    answer = await private(await alice.submit(form, values))
    assert "Only you can see it so far" in text_of(answer)
    assert labels(answer) == ["Make a clip", "Share"]
    form = await alice.click(answer, "Make a clip")
    assert "rain, slow" in text_of(await clip_of(await alice.submit(form, {"words": "rain"})))
    assert "no such preset" in await said(bob, "preset show", preset="Next steps")
    question = await private(await alice.click(answer, "Share"))
    assert labels(question) == ["This server", "Everyone"]
    await alice.click(question, "This server")
    assert "Everyone in this server can see" in await hears(bot, question)
    assert "Next steps" in await said(bob, "preset show", preset="Next steps")


async def test_a_form_with_mistakes_names_all_of_them_and_opens_again_filled_in(
    bot: BotProcess, alice: Actor, bob: Actor
) -> None:
    form = await alice.slash("preset save", start="scratch")
    values = {
        "name": "* *",
        "template": "piano, {prompt}",
        "settings": "mode: banjo\nseconds: 1000\nspeed: 3\nbpm: 90",
        "tags": "a/b",
        "description": "what it is for",
    }
    refused = await private(await alice.submit(form, values))
    text = text_of(refused)
    for mistake in (
        "The name has nothing readable",
        "mode",
        "`seconds` has to be",
        "“speed: 3” isn't a setting",
        "tags",
    ):
        assert mistake in text
    # One setting a line, as it was typed.
    assert "> mode: banjo\n> seconds: 1000\n> speed: 3\n> bpm: 90\n" in text.replace("\\:", ":")
    assert labels(refused) == ["Fix it"]
    again = await alice.click(refused, "Fix it")
    assert prefilled(again) == values
    saved_now = await private(
        await alice.submit(again, {"name": "Fixed", "settings": "seconds: 1", "tags": "ab"})
    )
    assert "Saved as “Fixed”" in text_of(saved_now)
    assert "what it is for" in text_of(saved_now)


def prefilled(reply: Reply) -> dict[str, str]:
    """Return the values that a form opens with."""
    assert reply.modal is not None
    found = [node for _, node in walk(reply.modal["components"]) if "value" in node]
    return {node["custom_id"]: node["value"] for node in found}


async def test_starters_are_presets_and_come_while_nothing_is_typed(bob: Actor) -> None:
    assert "By: Antiphon" in await said(bob, "preset show", preset="study-lofi-ar")
    assert "Wording 2" in await said(bob, "preset show", preset="study-lofi-ar")
    assert "your own copy" in await said(bob, "preset fork", preset="study-lofi-ar")
    offered = [c["value"] for c in await bob.autocomplete("music", "prompt", "", mode="diffusion")]
    assert "warm tape hiss, rain on the window, a sleepy electric piano in lamplight" in offered


async def test_an_unknown_preset_is_refused_in_private(alice: Actor) -> None:
    reply = await alice.slash("preset use", preset="Nowhere", prompt="rain")
    with pytest.raises(ReplacedAnswerError, match="no such preset"):
        await reply.finished()
    assert [one.ephemeral_for for one in reply.followups] == [alice.id]


async def test_only_the_owner_changes_a_preset(alice: Actor, bob: Actor) -> None:
    await saved(alice, "Mine", "soft piano")
    code = await shared(alice, "Mine")
    assert "isn't yours" in await said(bob, "preset edit", preset=code)
    assert "isn't yours" in await said(bob, "preset delete", preset=code)
    assert "not one of your own" in await said(bob, "preset rename", preset=code, name="Stolen")
    assert "called “Theirs”" in await said(alice, "preset rename", preset="mine", name="Theirs")
    assert "already have" in await saved(alice, "THEIRS", "again")
    said_no = await saved(alice, "Other", "keep these words", settings="volume: 11")
    assert "isn't a setting" in said_no
    assert "keep these words" in said_no


async def test_reports_are_for_moderators(alice: Actor, mina: Actor, bot: BotProcess) -> None:
    assert "reports" not in alice.commands()
    assert "reports" in mina.commands()
    text = await answer_of(await alice.slash("reports", at=bot.sandbox.dm("alice")))
    assert "in the server" in text


async def test_presets_of_one_name_are_told_apart(bot: BotProcess, alice: Actor, bob: Actor) -> None:
    for actor, template in ((alice, "one of alice"), (bob, "one of bob")):
        await saved(actor, "Twins", template)
        await shared(actor, "Twins")
    carol = bot.sandbox.member("carol")
    choices = await carol.autocomplete("preset show", "preset", "twins")
    assert len({choice["name"] for choice in choices}) == 2
    # As a client that sends the name in place of the value.
    shown = [await said(carol, "preset show", preset=choice["name"]) for choice in choices]
    assert sorted("one of alice" in text for text in shown) == [False, True]
    assert "no such preset" in await said(carol, "preset show", preset="#١")


async def test_managing_messages_in_one_channel_moderates_no_server(
    bot: BotProcess, alice: Actor, bob: Actor, mina: Actor
) -> None:
    sandbox = bot.sandbox
    await saved(alice, "Contested", "very loud drums")
    await said(alice, "preset share", preset="Contested", **{"with": "this server"})
    await said(bob, "preset report", preset="Contested", reason="ouch")
    case = await private(await mina.click(await private(await mina.slash("reports")), "Look at 1"))
    corner = sandbox.guild().add_channel("corner")
    corner.overwrite(bob, allow=Permission.MANAGE_MESSAGES)
    assert "reports" in bob.commands(corner)
    refused = await answer_of(await bob.slash("reports", at=corner))
    assert "moderators of the whole server" in refused

    # Who was given the command itself decides without any permission, for as long as the answer is new.
    carol = sandbox.member("carol")
    sandbox.guild().grant_command("reports", carol)
    queue = await private(await carol.slash("reports"))
    assert "Contested" in text_of(queue)
    theirs = await private(await carol.click(queue, "Look at 1"))
    sandbox.clock.advance(16 * 60)
    late = await carol.click(theirs, "Hide")
    assert "moderators of the whole server" in (await late.followup(0, WAIT)).content
    assert "Contested" in await said(bob, "preset show", preset="Contested")
    fresh = await private(await carol.slash("reports"))
    theirs = await private(await carol.click(fresh, "Look at 1"))
    await carol.click(theirs, "Hide")
    await hears(bot, theirs)
    assert "no such preset" in await said(bob, "preset show", preset="Contested")
    await mina.click(case, "Restore" if "Restore" in str(case.components) else "Keep")


async def test_many_long_reports_leave_room_for_the_decision(
    bot: BotProcess, alice: Actor, mina: Actor
) -> None:
    await saved(alice, "Notorious", "very loud drums")
    await said(alice, "preset share", preset="Notorious", **{"with": "this server"})
    for name in ("bob", "carol", "mina", "host"):
        await said(bot.sandbox.member(name), "preset report", preset="Notorious", reason=f"{name}*" * 45)
    queue = await private(await mina.slash("reports"))
    case = await private(await mina.click(queue, "Look at 1"))
    assert "4 open reports" in text_of(case)
    await mina.click(case, "Ban author")
    await hears(bot, case)
    assert "no such preset" in await said(bot.sandbox.member("bob"), "preset show", preset="Notorious")
    undo = await private(await mina.click(await private(await mina.slash("reports")), "Look at 1"))
    await mina.click(undo, "Unban author")
    await hears(bot, undo)
