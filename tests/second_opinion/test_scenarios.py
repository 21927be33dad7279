"""The cogs' main scenarios before a second Discord: simcord's, which is not of this project."""

from __future__ import annotations

import pytest
from simcord.backend.errors import BackendError, SetupError

from tests.second_opinion.simulated import Simulation, labels, last_of, said, text_of, told

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROMPT = "calm jazz in the rain"
HEARD = 30


async def test_from_the_command_to_the_clip(place: Simulation) -> None:
    clip = await place.music(PROMPT, mode="diffusion", seed=11)
    assert [one.filename.rpartition(".")[2] for one in clip.attachments] == ["mp3", "png"]
    sound = await clip.attachments[0].read()
    assert sound.startswith(b"ID3")
    for shown in (PROMPT, "diffusion · 2 s · seed 11"):
        assert shown in text_of(clip)
    assert not clip.ephemeral
    assert clip.message.mentions == []


async def test_the_buttons_under_a_clip(place: Simulation) -> None:
    clip = await place.music("two takes")
    menu = last_of(await place.bob.click(clip.message, label="More"))
    assert "Delete" not in labels(menu)
    details = await place.bob.click(menu.message, label="Details")
    assert "LUFS" in told(details)
    again = await place.clip(await place.bob.click(clip.message, label="Again"))
    assert "two takes" in text_of(again)
    assert "<@" not in text_of(again)
    menu = last_of(await place.mina.click(clip.message, label="More"))
    question = await place.mina.click(menu.message, label="Delete")
    assert "Delete this clip?" in told(question)
    await place.mina.click(last_of(question).message, label="Delete")
    await place.until(lambda: place.gone(clip), "the deletion")


async def test_a_clip_is_cancelled_by_its_button_and_by_command(place: Simulation) -> None:
    asked = await place.alice.slash(place.channel, "music", prompt="slow going", seconds=2)
    await place.until(lambda: asked.response and "Cancel" in labels(asked.response), "the button")
    assert asked.response is not None
    refusal = await place.bob.click(asked.response.message, label="Cancel")
    assert "Only the person who asked" in told(refusal)
    await place.alice.click(asked.response.message, label="Cancel")
    await place.until(lambda: "Cancelled" in said(asked), "the end")

    asked = await place.alice.slash(place.channel, "music", prompt="slow again", seconds=2)
    assert "slow again" in said(await place.alice.slash(place.channel, "cancel"))
    await place.until(lambda: "Cancelled" in said(asked), "the end")
    assert asked.response is not None
    assert asked.response.attachments == []


async def test_mistakes_are_answered_in_private(place: Simulation) -> None:
    blank = await place.alice.slash(place.channel, "music", prompt="  ")
    assert "`prompt` is empty" in told(blank)
    ignored = await place.alice.slash(place.channel, "music", prompt="piano", mode="ar", steps=50)
    assert "`steps` does nothing in mode ar" in told(ignored)
    with pytest.raises((BackendError, SetupError)):
        await place.alice.slash(place.channel, "music", prompt="x" * 4000)


async def test_what_breaks_is_said_and_the_next_clip_comes(place: Simulation) -> None:
    asked = await place.alice.slash(place.channel, "music", prompt="broken", seconds=2)
    await place.until(lambda: "That did not work" in said(asked), "the apology")
    assert (await place.music("fine again")).attachments


async def test_a_preset_from_a_clips_menu_to_a_clip_of_its_own(place: Simulation) -> None:
    clip = await place.music("tin roof", mode="diffusion")
    form = await place.alice.context_menu(place.channel, "Save as preset", clip.message)
    assert form.modal is not None
    saved = await place.alice.submit_modal(form, {"name": "Rainy roof", "template": "{prompt} on a tin roof"})
    assert "Saved" in told(saved)
    [choice] = await place.alice.autocomplete(place.channel, "music", "preset", "rainy roo")
    assert "Rainy roof" in choice["name"]
    made = await place.music("snow", preset=choice["value"])
    assert "snow on a tin roof" in text_of(made)
    assert await place.bob.autocomplete(place.channel, "music", "preset", "rainy roo") == []


async def test_a_duel_from_its_start_to_the_leaderboard(place: Simulation) -> None:
    await place.alice.slash(place.channel, "duel start", prompt=PROMPT, seconds=2)
    duel = await place.until(lambda: place.last_with("Both good"), "the duel")
    assert {one.filename for one in duel.attachments} >= {"a.mp3", "b.mp3"}
    # The message is there before the bot has noted its id, and votes are taken from then on.
    await place.opened(duel)
    early = await place.bob.click(duel, label="A")
    assert "Nobody can have heard both" in told(early)
    await place.env.advance_time(HEARD)
    for who, button in ((place.alice, "A"), (place.mina, "A"), (place.bob, "B")):
        vote = await who.click(duel, label=button)
        assert f"Your vote: **{button}**" in told(vote)
    assert "it is final" in told(await place.bob.click(duel, label="A"))
    form = await place.bob.click(last_of(vote).message, label="Why?")
    why = await place.bob.submit_modal(form, {"reasons": ["rhythm"], "line": "swings", "score_a": ["7"]})
    assert "Noted" in told(why)
    listed = await place.bob.slash(place.channel, "duel list")
    assert PROMPT in told(listed)
    assert "Only the person who started" in told(await place.bob.click(duel, label="Close"))
    await place.mina.click(duel, label="Close")
    shown = await place.until(lambda: place.changed(duel, "A was"), "the end")
    assert "2 : 1 for A" in text_of(shown)
    assert {one.filename for one in shown.attachments} & {"a-ar.mp3", "a-diffusion.mp3"}
    assert labels(shown) == ["Rematch"]
    board = await place.bob.slash(place.channel, "leaderboard")
    assert "3 votes, 3 people, 1 duel" in (last_of(board).attachments[0].description or "")


async def test_buttons_of_before_a_restart_work(place: Simulation) -> None:
    clip = await place.music("long ago")
    await place.restart()
    menu = last_of(await place.bob.click(clip.message, label="More"))
    details = await place.bob.click(menu.message, label="Details")
    assert "long ago" in said(details)
    assert "long ago" in said(await place.alice.slash(place.channel, "history"))
