"""New clips made by the buttons of a clip, with the built-in models."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from bot.audio.tags import read_recipe
from bot.errors import InvalidRecipe
from bot.recipe import Mode, Recipe, Role, Task
from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.model import Message
from sandbox.spec import Spec
from tests.audio import melody_files
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import (
    WAIT,
    carries_clip,
    clip_of,
    clips_in,
    delete,
    eventually,
    id_of,
    labels,
    made,
    more,
    mp3_of,
    pressed,
    private,
)
from tests.e2e.conftest import running
from tests.program import ENGINES

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bot(description: Spec, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BotProcess]:
    """A running bot with the built-in models."""
    folder = tmp_path_factory.mktemp("gestures")
    async with running(description, folder, **{ENGINES: "bot.engines.registry"}) as bot:
        yield bot


def recipe_of(message: Message, bot: BotProcess, folder: Path) -> Recipe:
    return read_recipe(mp3_of(message, bot.sandbox, folder))


def rows(bot: BotProcess, sql: str) -> list[tuple[str]]:
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as database:
        return database.execute(sql).fetchall()


def parent_of(message: Message, bot: BotProcess) -> int | None:
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as database:
        [parent] = database.execute(
            "SELECT parent_clip FROM jobs JOIN clips ON clips.job_id = jobs.id WHERE clips.id = ?",
            (id_of(message),),
        ).fetchone()
        return None if parent is None else int(parent)


async def test_two_members_vary_one_clip_at_once_after_a_restart(
    bot: BotProcess, alice: Actor, bob: Actor, tmp_path: Path
) -> None:
    first = await made(alice, "slow piano", mode="ar", seconds=6)
    assert labels(first) == ["Again", "Vary", "Longer", "Remix", "More"]
    asked = [await private(await who.click(first, "Vary")) for who in (alice, bob)]
    await bot.kill()
    await bot.restart()
    replies = await asyncio.gather(
        alice.select(asked[0], "How far from it?", ["0.4"]), bob.select(asked[1], "How far from it?", ["0.4"])
    )
    varied = [await clip_of(reply) for reply in replies]
    recipes = [recipe_of(message, bot, tmp_path) for message in varied]
    for message, recipe in zip(varied, recipes, strict=True):
        assert (recipe.task, recipe.sources) == (Task.VARY, {Role.INITIAL: id_of(first)})
        assert (recipe.options["strength"], recipe.prompt, recipe.seconds) == (0.4, "slow piano", 6)
        assert parent_of(message, bot) == id_of(first)
    assert recipes[0].seed != recipes[1].seed
    assert id_of(varied[0]) != id_of(varied[1])


async def test_longer_goes_on_from_the_clip(bot: BotProcess, alice: Actor, tmp_path: Path) -> None:
    first = await made(alice, "quiet guitar", mode="diffusion", seconds=6)
    longer = await clip_of(
        await alice.select(await private(await alice.click(first, "Longer")), "How long?", ["12"])
    )
    recipe = recipe_of(longer, bot, tmp_path)
    assert (recipe.task, recipe.seconds, recipe.sources) == (Task.CONTINUE, 12, {Role.START: id_of(first)})
    assert recipe.mode is Mode.DIFFUSION


async def test_a_hybrid_is_made_of_an_ar_clip_alone(bot: BotProcess, alice: Actor, tmp_path: Path) -> None:
    first = await made(alice, "warm strings", mode="ar", seconds=6)
    opened = await more(alice, first)
    assert labels(opened) == [
        *("Try diffusion", "Duel", "Hybrid", "Repaint"),
        *("Details", "Family", "Save as preset", "Coach", "Delete"),
    ]
    hybrid = await clip_of(
        await alice.select(await private(await alice.click(opened, "Hybrid")), "How close?", ["0.5"])
    )
    recipe = recipe_of(hybrid, bot, tmp_path)
    assert (recipe.task, recipe.mode, recipe.options["structure"]) == (Task.HYBRID, Mode.DIFFUSION, 0.5)
    assert labels(await more(alice, hybrid))[:3] == ["Try ar", "Duel", "Repaint"]


async def test_a_part_is_repainted_and_one_past_the_end_refused(
    bot: BotProcess, alice: Actor, tmp_path: Path
) -> None:
    first = await made(alice, "soft bells", mode="ar", seconds=6)
    form = await pressed(alice, first, "Repaint")
    past = await private(await alice.submit(form, {"repaint_start": "1", "repaint_end": "9"}))
    assert "`to` is 9 s, and the clip ends at 6 s" in past.content
    fixed = await alice.click(past, "Fix it")
    repainted = await clip_of(await alice.submit(fixed, {"repaint_end": "3"}))
    recipe = recipe_of(repainted, bot, tmp_path)
    assert (recipe.task, recipe.options["repaint_start"], recipe.options["repaint_end"]) == (
        Task.REPAINT,
        1,
        3,
    )


async def test_a_remix_sent_as_it_is_makes_the_same_clip(
    bot: BotProcess, alice: Actor, bob: Actor, tmp_path: Path
) -> None:
    first = await made(alice, "rain on a roof", mode="ar", seconds=6, bpm=90)
    same = await clip_of(await bob.submit(await bob.click(first, "Remix")))
    assert recipe_of(same, bot, tmp_path) == recipe_of(first, bot, tmp_path)
    assert parent_of(same, bot) == id_of(first)
    changed = await clip_of(
        await bob.submit(
            await bob.click(first, "Remix"), {"prompt": "snow", "settings": "mode: diffusion\nseconds: 7"}
        )
    )
    recipe = recipe_of(changed, bot, tmp_path)
    assert (recipe.prompt, recipe.mode, recipe.seconds) == ("snow", Mode.DIFFUSION, 7)
    assert recipe.seed == recipe_of(first, bot, tmp_path).seed
    wrong = await private(await bob.submit(await bob.click(first, "Remix"), {"settings": "bpm: fast"}))
    assert "`bpm` has to be a whole number" in wrong.content


async def test_the_menu_saves_a_preset(alice: Actor) -> None:
    form = await pressed(alice, await made(alice, "sea waves", mode="ar", seconds=6), "Save as preset")
    saved = await private(await alice.submit(form, {"name": "Waves"}))
    assert "Saved as “Waves”" in saved.content


async def test_a_deleted_parent_and_a_lost_file_are_told(
    bot: BotProcess, alice: Actor, music: ChannelHandle, tmp_path: Path
) -> None:
    first = await made(alice, "short life", mode="ar", seconds=6)
    question = await private(await alice.click(first, "Vary"))
    varied = await clip_of(await alice.select(question, "How far from it?", ["1"]))
    await delete(alice, first)
    await bot.sandbox.until(lambda: first not in clips_in(music), WAIT, "the deletion")
    refused = await private(await alice.select(question, "How far from it?", ["1"]))
    assert "This clip was deleted, so nothing can be made from it" in refused.content
    again = await private(await alice.click(varied, "Again"))
    assert "The clip that this one is made from was deleted" in again.content

    lost = await made(alice, "lost file", mode="ar", seconds=6)
    before = recipe_of(lost, bot, tmp_path)
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as database:
        [name] = database.execute("SELECT file FROM clips WHERE id = ?", (id_of(lost),)).fetchone()
    (bot.folder / "clips" / name).unlink()
    told = await private(await alice.click(lost, "Vary"))
    assert "only its recipe. Press **Remix**" in told.content
    back = await clip_of(await alice.submit(await alice.click(lost, "Remix")))
    assert recipe_of(back, bot, tmp_path) == before


async def test_music_repaints_a_part_of_an_attached_clip(
    bot: BotProcess, alice: Actor, tmp_path: Path
) -> None:
    first = mp3_of(await made(alice, "soft rain", mode="ar", seconds=6), bot.sandbox, tmp_path)
    options = {"prompt": "soft rain", "source": (first.name, first.read_bytes()), "from": 1}
    repainted = await clip_of(await alice.slash("music", options | {"to": 3}))
    recipe = recipe_of(repainted, bot, tmp_path)
    assert (recipe.task, recipe.seconds, recipe.options["repaint_end"]) == (Task.REPAINT, 6, 3)
    recording = ("hum.wav", melody_files.wav(melody_files.sine()))
    for given, said in (
        (options | {"to": 9}, "`to` is 9 s, and the clip ends at 6 s"),
        (options, "`to` is missing"),
        (options | {"to": 3, "seconds": 8}, "a repaint keeps that length"),
        (options | {"to": 3, "use": "vary"}, "`from` can't go with `use:vary`"),
        (options | {"to": 3, "structure": 0.5}, "`structure` is for a cover or a hybrid"),
        (options | {"to": 3, "mode": "hybrid"}, "`mode:hybrid` can't go with `from`"),
        (options | {"to": 3, "source": None}, "Attach it as `source`, or press **More** under it"),
        (options | {"to": 2, "source": recording}, "is a recording, and"),
    ):
        refused = await private(await alice.slash("music", {k: v for k, v in given.items() if v is not None}))
        assert said in text_of(refused)


async def test_a_hybrid_of_words_is_one_clip_though_the_bot_is_killed_between_its_two(
    bot: BotProcess, alice: Actor, music: ChannelHandle, tmp_path: Path
) -> None:
    options = {"prompt": "two at once", "mode": "hybrid", "seconds": 6, "seed": 5, "structure": 0.5}
    message = await (await alice.slash("music", options)).finished(WAIT)
    second = "SELECT id FROM jobs WHERE parent_clip > 0 AND recipe LIKE '%two at once%'"
    await eventually(lambda: rows(bot, second), "the second job")
    await bot.kill()
    await bot.restart()
    recipe = recipe_of(await carries_clip(message, bot.sandbox), bot, tmp_path)
    [(written,)] = rows(bot, "SELECT recipe FROM clips WHERE id = " + str(recipe.sources[Role.INITIAL]))
    first = Recipe.from_json(written)
    assert (first.mode, first.task, first.seed, first.prompt) == (Mode.AR, Task.TEXT, 5, "two at once")
    assert (recipe.mode, recipe.task, recipe.seed, recipe.seconds) == (Mode.DIFFUSION, Task.HYBRID, 5, 6)
    assert (recipe.options["structure"], "structure" in first.options) == (0.5, False)
    assert len([one for one in clips_in(music) if "two at once" in text_of(one)]) == 1
    page = await private(await alice.slash("history"))
    assert "it is what a hybrid was made of" in text_of(page)
    several = await private(await alice.slash("music", options | {"takes": 2}))
    assert "words alone make one clip" in text_of(several)


async def test_a_hybrid_of_an_attached_clip(bot: BotProcess, alice: Actor, tmp_path: Path) -> None:
    first = mp3_of(await made(alice, "low brass", mode="ar", seconds=6), bot.sandbox, tmp_path)
    options = {"prompt": "choir", "mode": "hybrid", "source": (first.name, first.read_bytes())}
    recipe = recipe_of(await clip_of(await alice.slash("music", options)), bot, tmp_path)
    assert (recipe.mode, recipe.task, recipe.seconds, recipe.prompt) == (
        Mode.DIFFUSION,
        Task.HYBRID,
        6,
        "choir",
    )


async def test_details_give_the_recipe_as_a_file_that_is_read_again(
    bot: BotProcess, alice: Actor, tmp_path: Path
) -> None:
    message = await made(alice, "say it “again” 🎹", mode="ar", seconds=6, bpm=90)
    shown = await private(await pressed(alice, message, "Details"))
    [file] = shown.attachments
    path = tmp_path / file.filename
    path.write_bytes(bot.sandbox.bytes_of(file))
    assert (path.name, read_recipe(path)) == (
        f"clip-{id_of(message)}-recipe.json",
        recipe_of(message, bot, tmp_path),
    )
    preset = await private(await alice.slash("preset import", {"file": (path.name, path.read_bytes())}))
    assert "Imported 1 preset. Only you can see them so far:\n- say it “again” 🎹" in preset.content
    form = await alice.slash("preset edit", {"preset": "say it “again” 🎹"})
    assert "bpm: 90" in str(form.modal)
    path.write_text('{"prompt": "x", "mode": "ar", "evil": true}', encoding="utf-8")
    with pytest.raises(InvalidRecipe, match="can't be used"):
        read_recipe(path)


async def test_a_family_is_shown_as_a_tree_after_a_restart(
    bot: BotProcess, alice: Actor, bob: Actor, music: ChannelHandle
) -> None:
    first = await made(alice, "old oak", mode="ar", seconds=6)
    question = await private(await bob.click(first, "Vary"))
    varied = await clip_of(await bob.select(question, "How far from it?", ["0.4"]))
    question = await private(await alice.click(varied, "Longer"))
    longer = await clip_of(await alice.select(question, "How long?", ["12"]))
    again = await clip_of(await alice.click(varied, "Again"))
    menu = await more(bob, varied)
    await bot.kill()
    await bot.restart()
    shown = await private(await bob.click(menu, "Family"))
    lines = text_of(shown).splitlines()
    places = [
        next(number for number, line in enumerate(lines) if f"#{id_of(one)} " in line and said in line)
        for one, said in (
            (first, f"/{first.id})"),
            (varied, "varied 40 %"),
            (longer, "longer to 12 s"),
            (again, "another take"),
        )
    ]
    assert places == sorted(places)
    await delete(alice, first)
    await bot.sandbox.until(lambda: first not in clips_in(music), WAIT, "the deletion")
    assert "a deleted clip" in text_of(await private(await pressed(bob, varied, "Family")))
    alone = text_of(
        await private(await pressed(bob, await made(bob, "lone tree", mode="ar", seconds=6), "Family"))
    )
    assert "Nothing was made of it yet" in alone
