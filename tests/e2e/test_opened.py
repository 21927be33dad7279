"""Clips that members go on with from a file, with a restart between; files that nobody should trust."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from mutagen.id3 import ID3, TXXX, Encoding

from bot.audio.tags import RECIPE_FRAME, read_recipe
from bot.recipe import Recipe, Role, Task
from sandbox.actors import Actor, ChannelHandle, text_of
from sandbox.spec import Spec
from tests.audio import melody_files
from tests.e2e.bot_process import BotProcess
from tests.e2e.clips import (
    clip_of,
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
    folder = tmp_path_factory.mktemp("opened")
    async with running(description, folder, **{ENGINES: "bot.engines.registry", "MAX_SECONDS": "30"}) as bot:
        yield bot


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mp3(bot: BotProcess, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An MP3 of a clip with which this bot was not asked to do anything since."""
    alice = bot.sandbox.member("alice")
    message = await made(alice, "slow piano", mode="ar", seconds=6)
    return mp3_of(message, bot.sandbox, tmp_path_factory.mktemp("file")).read_bytes()


def rows(bot: BotProcess, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as database:
        return database.execute(sql, values).fetchall()


def opened_clips(bot: BotProcess) -> int:
    [(count,)] = rows(bot, "SELECT count(*) FROM jobs WHERE opened = 1")
    return int(count)


def with_recipe(mp3: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """Return an MP3 whose tag has another recipe: what `change` returns, as JSON where it is no text."""
    frames = ID3(BytesIO(mp3))
    made = change(json.loads(str(frames[f"TXXX:{RECIPE_FRAME}"])))
    text = made if isinstance(made, str) else json.dumps(made)
    frames.add(TXXX(encoding=Encoding.UTF8, desc=RECIPE_FRAME, text=text))
    file = BytesIO(mp3)
    frames.save(file, v1=0, v2_version=4)
    return file.getvalue()


async def test_every_button_works_with_a_file_of_another_bot_after_a_restart(
    bot: BotProcess, bob: Actor, mp3: bytes, tmp_path: Path
) -> None:
    there = await private(await bob.slash("clip", {"file": ("rain.mp3", mp3)}))
    assert labels(there) == ["Again", "Vary", "Longer", "Remix", "More"]
    assert "slow piano" in text_of(there)
    opened = id_of(there)
    question = await private(await bob.click(there, "Vary"))
    await bot.kill()
    await bot.restart()
    varied = await clip_of(await bob.select(question, "How far from it?", ["0.4"]))
    recipe = read_recipe(mp3_of(varied, bot.sandbox, tmp_path))
    assert (recipe.task, recipe.sources, recipe.prompt) == (
        Task.VARY,
        {Role.INITIAL: opened},
        "slow piano",
    )
    [(parent,)] = rows(
        bot,
        "SELECT parent_clip FROM jobs JOIN clips ON job_id = jobs.id WHERE clips.id = ?",
        id_of(varied),
    )
    assert parent == opened
    again = read_recipe(mp3_of(await clip_of(await bob.click(there, "Again")), bot.sandbox, tmp_path))
    assert (again.prompt, again.seconds, again.task) == ("slow piano", 6, Task.TEXT)
    longer = await private(await bob.click(there, "Longer"))
    made_longer = await clip_of(await bob.select(longer, "How long?", ["12"]))
    assert read_recipe(mp3_of(made_longer, bot.sandbox, tmp_path)).sources == {Role.START: opened}
    menu = await more(bob, there)
    assert labels(menu) == [
        *("Try diffusion", "Duel", "Hybrid", "Repaint"),
        *("Details", "Family", "Save as preset", "Coach", "Delete"),
    ]
    form = await bob.click(menu, "Repaint")
    repainted = await clip_of(await bob.submit(form, {"repaint_start": "1", "repaint_end": "3"}))
    assert read_recipe(mp3_of(repainted, bot.sandbox, tmp_path)).sources == {Role.INITIAL: opened}
    hybrid = await private(await bob.click(menu, "Hybrid"))
    assert (await clip_of(await bob.select(hybrid, "How close?", ["0.5"]))).attachments
    other = await clip_of(await bob.click(menu, "Try diffusion"))
    assert read_recipe(mp3_of(other, bot.sandbox, tmp_path)).mode == "diffusion"
    assert "Licence" in text_of(await private(await bob.click(menu, "Details")))
    assert "varied" in text_of(await private(await bob.click(menu, "Family")))
    saved = await private(await bob.submit(await bob.click(menu, "Save as preset"), {"name": "Slow"}))
    assert "Saved as “Slow”" in saved.content
    remix = await clip_of(await bob.submit(await bob.click(there, "Remix"), {"prompt": "fast piano"}))
    assert read_recipe(mp3_of(remix, bot.sandbox, tmp_path)).prompt == "fast piano"


async def test_the_same_file_is_one_clip_and_ones_own_is_found_again(
    bot: BotProcess, alice: Actor, bob: Actor, music: ChannelHandle, tmp_path: Path
) -> None:
    first = await made(alice, "own file", mode="ar", seconds=6)
    file = ("own.mp3", mp3_of(first, bot.sandbox, tmp_path).read_bytes())
    assert id_of(await private(await alice.slash("clip", {"file": file}))) == id_of(first)
    found = [id_of(await private(await bob.slash("clip", {"file": file}))) for _ in range(2)]
    assert found[0] == found[1] != id_of(first)
    assert id_of(await private(await bob.message_menu("Open clip", first))) == id_of(first)
    page = await private(await bob.slash("history", {"words": "own file"}))
    assert "opened from a file" in text_of(page)
    server = await private(await alice.slash("history", {"words": "own file", "scope": "server"}))
    assert "opened from a file" not in text_of(server)
    [(name,)] = rows(bot, "SELECT file FROM clips WHERE id = ?", found[0])
    kept = bot.folder / "clips" / name
    assert kept.read_bytes() == file[1]
    there = await private(await bob.slash("clip", {"file": file}))
    menu = await more(bob, there)
    asked = await (await bob.click(menu, "Delete")).followup(0)
    await bob.click(asked, "Delete")
    await eventually(lambda: not kept.exists(), "the deletion of the opened file")


async def test_the_menu_opens_uploads_and_asks_for_the_take(
    bot: BotProcess, alice: Actor, bob: Actor, mp3: bytes
) -> None:
    post = await bob.send("look", files=[("notes.txt", b"la"), ("song.mp3", mp3)])
    there = await private(await alice.message_menu("Open clip", post))
    assert "slow piano" in text_of(there)
    empty = await private(await alice.message_menu("Open clip", await bob.send("nothing")))
    assert "That message has no clip" in empty.content
    takes = await made(alice, "two of them", mode="ar", seconds=6, takes=2)
    choice = await private(await alice.message_menu("Open clip", takes))
    [select] = [one for row in choice.components for one in row["components"]]
    second = select["options"][1]["value"]
    shown = await private(await alice.select(choice, "Which take do you want to open?", [second]))
    assert id_of(shown) == int(second)


async def test_a_file_made_from_another_clip_names_no_clip_of_this_bot(
    bot: BotProcess, alice: Actor, bob: Actor, tmp_path: Path
) -> None:
    first = await made(alice, "soft bells", mode="ar", seconds=6)
    question = await private(await alice.click(first, "Vary"))
    varied = await clip_of(await alice.select(question, "How far from it?", ["0.2"]))
    file = ("varied.mp3", mp3_of(varied, bot.sandbox, tmp_path).read_bytes())
    there = await private(await bob.slash("clip", {"file": file}))
    assert "isn't in this file" in text_of(there)
    again = read_recipe(mp3_of(await clip_of(await bob.click(there, "Again")), bot.sandbox, tmp_path))
    assert (again.task, dict(again.sources), "strength" in again.options) == (Task.TEXT, {}, False)


async def test_a_recipe_file_opens_without_audio(bot: BotProcess, alice: Actor, tmp_path: Path) -> None:
    message = await made(alice, "only words", mode="ar", seconds=6, seed=3)
    shown = await private(await pressed(alice, message, "Details"))
    recipe = bot.sandbox.bytes_of(shown.attachments[0])
    there = await private(await alice.slash("clip", {"file": ("recipe.json", recipe)}))
    assert "a recipe without audio" in text_of(there)
    assert labels(there) == ["Again", "Try diffusion", "Remix", "More"]
    remix = await clip_of(await alice.submit(await alice.click(there, "Remix")))
    assert read_recipe(mp3_of(remix, bot.sandbox, tmp_path)) == Recipe.from_json(recipe.decode())


def hostile(mp3: bytes) -> dict[str, tuple[tuple[str, bytes], str]]:
    """Files that nobody should trust, and what is said of each."""
    deep = "[" * 20_000
    files = {
        "unknown": (lambda r: r | {"evil": 1}, "The recipe in this file can't be used"),
        "deep": (lambda r: deep, "The recipe in this file can't be used"),
        "list": (lambda r: [r], "The recipe in this file can't be used"),
        "huge": (lambda r: r | {"prompt": "x" * 200_000}, "has no recipe in its tags"),
        "long": (lambda r: r | {"prompt": "x" * 5_000}, "The recipe in this file can't be used"),
        "seed": (lambda r: r | {"seed": 2**70}, "The recipe in this file can't be used"),
        "infinite": (lambda r: r | {"seconds": float("inf")}, "The recipe in this file can't be used"),
        "model": (lambda r: r | {"model": "evil/[x](http://a.b)"}, "which doesn't run here"),
        "path": (lambda r: r | {"model": "../../etc/passwd"}, "which doesn't run here"),
        "option": (lambda r: r | {"lyrics": "la la"}, "`lyrics` does nothing in mode ar"),
        "seconds": (lambda r: r | {"seconds": 300}, "A clip can last"),
        "word": (lambda r: r | {"prompt": "a forbidden prompt"}, "a word that this server doesn't allow"),
        "words of a foreign model": (
            lambda r: r | {"prompt": "a forbidden prompt", "model": "other"},
            "a word that this server doesn't allow",
        ),
        "link": (lambda r: r | {"prompt": "see https://evil.example/x"}, "doesn't allow links"),
    }
    found = {
        name: ((f"{name}.mp3", with_recipe(mp3, change)), said) for name, (change, said) in files.items()
    }
    hum = melody_files.wav(melody_files.sine())
    return found | {
        "untagged": (("hum.wav", hum), "has no recipe in its tags"),
        "no audio": (("x.mp3", b"ID3" + bytes(500)), "cannot be read as audio"),
        "no recipe": (("x.json", b'{"a": 1}'), "The recipe in this file can't be used"),
        "name": (("[x](http__a.b) @everyone.wav", hum), "has no recipe in its tags"),
    }


async def test_a_hostile_file_is_refused_with_the_reason_and_nothing_is_kept(
    bot: BotProcess, bob: Actor, mp3: bytes
) -> None:
    await bot.kill()
    guild = bot.sandbox.guild()
    with closing(sqlite3.connect(bot.folder / "antiphon.db")) as database:
        for name, value in (("blocked_words", '["forbidden"]'), ("links", "false")):
            database.execute("INSERT INTO guild_settings VALUES (?, 0, ?, ?)", (guild.id, name, value))
        database.commit()
    await bot.restart()
    before = opened_clips(bot), sorted((bot.folder / "clips").iterdir())
    for name, (file, said) in hostile(mp3).items():
        answer = await private(await bob.slash("clip", {"file": file}))
        assert said in text_of(answer), name
        assert "forbidden" not in text_of(answer), name
    assert (opened_clips(bot), sorted((bot.folder / "clips").iterdir())) == before


async def test_mentions_and_other_audio_in_a_file_do_nothing(
    bot: BotProcess, bob: Actor, mp3: bytes, tmp_path: Path
) -> None:
    loud = with_recipe(mp3, lambda r: r | {"prompt": "@everyone <@1> rain", "sources": {"initial": 1}})
    there = await private(await bob.slash("clip", {"file": ("m.mp3", loud)}))
    assert "@everyone" not in text_of(there).replace("@\u200beveryone", "")
    assert "isn't in this file" in text_of(there)
    (tmp_path / "whole.mp3").write_bytes(mp3)
    cut = melody_files.made(
        tmp_path, "cut.mp3", "-c", "copy", "-t", "3", source=["-i", str(tmp_path / "whole.mp3")]
    )
    short = await private(await bob.slash("clip", {"file": ("cut.mp3", cut)}))
    assert "so it was changed: I use its recipe alone" in text_of(short)
    assert labels(short) == ["Again", "Try diffusion", "Remix", "More"]
