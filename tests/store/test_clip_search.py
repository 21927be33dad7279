"""Search for clips: what a text finds, whose clips are found, and what leaves the indexes."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import NotFound
from bot.recipe import Mode
from bot.store import clip_search, migrations
from bot.store.clip_search import (
    MAX_SEARCHES,
    MAX_TERMS,
    ClipFilter,
    ClipSearch,
    VisibleChannels,
    search_terms,
)
from bot.store.clips import Clip
from bot.store.database import Database, Row
from bot.store.deletions import Deletions
from bot.store.duels.repository import Duels
from bot.store.erasure import Erasure
from bot.store.job_model import Delivery
from bot.store.jobs import Jobs
from tests.builders import new_clip, new_duel, recipe, request
from tests.store.preset_builders import ALICE, BOB, GUILD, MANY, kept
from tests.store.preset_builders import rendered as rendered_with

HERE = VisibleChannels(GUILD, [20])


async def made(database: Database, prompt: str, *, user: int = ALICE, posted: bool = True, **at: Any) -> Clip:
    """Store a rendered clip, posted in its channel unless said otherwise; `at` goes into the request."""
    fields = at.pop("recipe", {})
    jobs = Jobs(database)
    wanted = request(user_id=user, recipe=recipe(prompt=prompt, **fields), **at)
    job = await jobs.add(wanted, 0, per_member=MANY, in_all=MANY)
    await jobs.claim(1)
    clip = await jobs.rendered(job.id, new_clip(str(job.id)), 2)
    assert clip is not None
    if posted:
        await jobs.delivered(job.id, Delivery(1_000 + job.id, wanted.channel_id, wanted.guild_id), 3)
    return clip


async def own(database: Database, words: str = "", user: int = ALICE, **wanted: Any) -> list[str]:
    found = await ClipSearch(database).own(user, ClipFilter(words=words, **wanted), before=None, limit=99)
    return [entry.clip.recipe.prompt for entry in found]


async def in_server(database: Database, words: str = "", visible: VisibleChannels = HERE) -> list[str]:
    wanted = ClipFilter(words=words, in_server=True)
    found = await ClipSearch(database).in_server(visible, wanted, before=None, limit=99)
    return [entry.clip.recipe.prompt for entry in found]


def indexed(path: Path) -> list[tuple[int, ...]]:
    """Return the ids in each index, after a check of both."""
    with closing(sqlite3.connect(path)) as connection:
        ids = []
        for table in ("clip_words", "clip_grams"):
            connection.execute(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")
            ids.append(tuple(row[0] for row in connection.execute(f"SELECT rowid FROM {table} ORDER BY 1")))
    return ids


@pytest.mark.parametrize(
    ("words", "finds"),
    [
        ("piano", {"lo"}),
        ("PIA", {"lo"}),
        ("iano", {"lo"}),
        ("roof piano", {"lo"}),
        ("piano 東京", set()),
        ("cafe", {"cafe"}),
        ("CAFÉ", {"cafe"}),
        ("東京", {"tokyo"}),
        ("京タ", {"tokyo"}),
        ("夜に", {"tokyo"}),
        ("雨", {"tokyo"}),
        ("東京タワー 夜", {"tokyo"}),
        ("屋頂", set()),
        ("C#", {"sharp"}),
        ("c# minor", {"sharp"}),
        ("🎹", {"sharp"}),
        ("on", {"lo"}),
        ("oo", set()),
        ("забв", {"lyrics"}),
        ("ни", {"lyrics"}),
        ("lo-fi", {"lo"}),
        ('"quoted"', {"cafe"}),
        ('says"x', set()),
        ('"', {"cafe"}),
        ("piano OR 東京", set()),
        ("NEAR(piano roof)", set()),
        ("text:piano", set()),
        ("-piano", set()),
        ("pia*", set()),
        ("' OR 1=1 --", set()),
        ("   \n ", {"lo", "cafe", "tokyo", "sharp", "lyrics"}),
        ("\0", {"lo", "cafe", "tokyo", "sharp", "lyrics"}),
        ("x" * 1_000, set()),
        ("piano " * 166, {"lo"}),
        (" ".join(f"w{n}" for n in range(250)), set()),
    ],
)
async def test_any_words_are_a_search(database: Database, words: str, finds: set[str]) -> None:
    clips = {
        "lo": "lo-fi piano on a tin roof",
        "cafe": 'she says "quoted" things in a café',
        "tokyo": "細雨、雨の東京タワーの夜に",
        "sharp": "C# minor 🎹",
        "lyrics": "a song",
    }
    for name, prompt in clips.items():
        await made(database, prompt, recipe={"lyrics": "трава забвения"} if name == "lyrics" else {})
    names = {prompt: name for name, prompt in clips.items()}
    assert {names[prompt] for prompt in await own(database, words)} == finds
    assert {names[prompt] for prompt in await in_server(database, words)} == finds


@pytest.mark.parametrize("words", ["on", "song", "東京", "🎹", "song on", "ong", "nothing", ""])
async def test_pages_are_the_same_however_many_clips_are_searched_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    for number in range(40):
        prompt = f"number {number}"
        prompt += " a song on 東京 🎹" if number % 7 in (0, 3) or number < 4 else ""
        await made(database, prompt, user=BOB if number % 5 == 0 else ALICE)
    search, wanted = ClipSearch(database), ClipFilter(words=words)

    async def pages(limit: int) -> list[int]:
        found: list[int] = []
        while page := await search.own(ALICE, wanted, before=found[-1] if found else None, limit=limit):
            assert len(page) <= limit
            found += [entry.clip.id for entry in page]
        return found

    whole = await pages(99)
    for newest, growth in ((1, 2), (2, 1), (3, 2), (20, 2)):
        monkeypatch.setattr(clip_search, "NEWEST", newest)
        monkeypatch.setattr(clip_search, "GROWTH", growth)
        assert await pages(1) == await pages(3) == await pages(99) == whole
    expected = {"": 32, "nothing": 0}.get(words)
    assert expected is None or len(whole) == expected
    assert whole == sorted(whole, reverse=True)


async def test_a_common_word_is_looked_for_among_the_newest_alone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_search, "NEWEST", 4)
    for number in range(40):
        await made(database, f"a song {number}")
    reads: list[dict[str, Any]] = []
    read = database.read

    async def recorded(sql: str, parameters: Mapping[str, Any]) -> list[Row]:
        reads.append(dict(parameters))
        return await read(sql, parameters)

    monkeypatch.setattr(database, "read", recorded)
    found = await ClipSearch(database).own(ALICE, ClipFilter(words="song"), before=None, limit=3)
    assert [entry.clip.recipe.prompt for entry in found] == ["a song 39", "a song 38", "a song 37"]
    assert min(one["low"] for one in reads if "low" in one) == 37


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(
    words=st.one_of(
        st.text(max_size=1_000),
        st.lists(st.sampled_from(['"', "AND", "NEAR(", "*", "^", ":", "-", "東", "🎹", "a'b", "{x}"])).map(
            " ".join
        ),
    )
)
async def test_no_words_are_an_error(database: Database, words: str) -> None:
    await own(database, words)
    await in_server(database, words)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data(), text=st.text("ab 雨東京タワ夜Éé🎹#\"-'", min_size=1, max_size=12).filter(str.strip))
async def test_a_clip_is_found_by_every_word_of_its_prompt(
    database: Database, data: st.DataObject, text: str
) -> None:
    clip = await made(database, text)
    words = data.draw(st.lists(st.sampled_from(clip.recipe.prompt.split()), min_size=1, max_size=3))
    assert clip.recipe.prompt in await own(database, " ".join(words))


def test_the_number_of_terms_is_bounded() -> None:
    assert search_terms(" ".join(f"w{n % 40}" for n in range(250))) == [f"w{n}" for n in range(MAX_TERMS)]


async def test_filters_and_pages(database: Database) -> None:
    for n in range(5):
        fields = {"mode": Mode.DIFFUSION if n % 2 else Mode.AR, "model": f"m{n % 3}"}
        await made(database, f"rain {n}", recipe=fields)
    preset = await kept(database, ALICE)
    with_preset = await rendered_with(database, preset, ALICE)
    assert await own(database, mode=Mode.DIFFUSION) == ["rain 3", "rain 1"]
    assert await own(database, "rain", model="m0") == ["rain 3", "rain 0"]
    search = ClipSearch(database)
    of_preset = await search.own(ALICE, ClipFilter(preset_id=preset.id), before=None, limit=9)
    assert [entry.clip.id for entry in of_preset] == [with_preset]
    assert await own(database, preset_id=preset.id + 1) == []
    page = await search.own(ALICE, ClipFilter(words="rain"), before=None, limit=2)
    assert [entry.clip.recipe.prompt for entry in page] == ["rain 4", "rain 3"]
    page = await search.own(ALICE, ClipFilter(words="rain"), before=page[-1].clip.id, limit=9)
    assert [entry.clip.recipe.prompt for entry in page] == ["rain 2", "rain 1", "rain 0"]


async def test_whose_clips_are_found(database: Database) -> None:
    await made(database, "posted by alice")
    await made(database, "posted by bob", user=BOB)
    await made(database, "on its way", posted=False)
    await made(database, "in another channel", channel_id=21)
    await made(database, "in another server", guild_id=GUILD + 1)
    await made(database, "in a direct message", guild_id=None)
    assert await in_server(database) == ["posted by bob", "posted by alice"]
    assert await in_server(database, visible=VisibleChannels(GUILD, [21])) == ["in another channel"]
    assert await in_server(database, visible=VisibleChannels(GUILD, [])) == []
    assert await own(database, user=BOB) == ["posted by bob"]
    assert len(await own(database)) == 5
    async with database.write() as tx:
        await tx.execute("UPDATE clips SET ephemeral = 1 WHERE user_id = :id", {"id": BOB})
    assert await in_server(database) == ["posted by alice"]
    async with database.write() as tx:
        await tx.execute("UPDATE clips SET message_id = NULL", {})
    assert await in_server(database) == []


async def test_a_duel_that_is_not_over_is_not_found(database: Database) -> None:
    duels, jobs = Duels(database), Jobs(database)
    duel, _ = await duels.start(new_duel(), 0, max_open=MANY, per_member=MANY, in_all=MANY)
    for _ in "ab":
        job = await jobs.claim(1)
        assert job is not None
        await jobs.rendered(job.id, new_clip(str(job.id)), 2)
    async with database.write() as tx:
        await tx.execute("UPDATE clips SET message_id = 5", {})
    assert await own(database, user=1) == []
    assert await in_server(database) == []
    async with database.write() as tx:
        closed = "UPDATE duels SET state = 'closed', message_id = 5, posted_at = 1, closes_at = 2"
        await tx.execute(closed, {})
    assert await in_server(database) == []
    await duels.revealed(duel.id, 9)
    assert len(await in_server(database, "piano")) == 2


async def test_deleted_and_erased_clips_leave_the_indexes(database: Database, tmp_path: Path) -> None:
    first, second, third = [await made(database, f"zanzibar {n}", user=ALICE + n) for n in range(3)]
    path = tmp_path / "antiphon.db"
    assert indexed(path) == [(first.id, second.id, third.id)] * 2
    await Deletions(database).begin(first.id, 5)
    assert indexed(path) == [(second.id, third.id)] * 2
    await Erasure(database).erase_member(BOB, 6)
    assert indexed(path) == [(third.id,)] * 2
    assert await in_server(database, "zanzibar") == ["zanzibar 2"]
    assert await in_server(database) == ["zanzibar 2"]


@pytest.mark.parametrize("migration", ["clip_search", "clips_by_a_letter"])
async def test_clips_of_an_earlier_version_are_indexed(migration: str, tmp_path: Path) -> None:
    path, earlier = tmp_path / "old.db", tmp_path / "earlier"
    earlier.mkdir()
    for one in migrations.available():
        if migration in one.path.name:
            break
        (earlier / one.path.name).write_text(one.path.read_text())
    migrations.migrate(path, 0, folder=earlier)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for number, deleted in ((1, None), (2, 5.0)):
            connection.execute(
                "INSERT INTO clips (id, job_id, recipe, user_id, channel_id, file, picture, facts,"
                " created_at, deleted_at) VALUES (?, ?, ?, 1, 1, '', '', '{}', 0, ?)",
                (number, number, recipe(prompt="old rain").to_json(), deleted),
            )
    migrations.migrate(path, 0)
    assert indexed(path) == [(1,), (1,)]
    async with Database.open(path, now=1) as database:
        [found] = await database.read("SELECT rowid FROM clip_words WHERE clip_words MATCH 'r*'", {})
    assert found["rowid"] == 1


async def test_each_term_that_is_looked_up_for_one_clip_has_an_index(database: Database) -> None:
    """Without one, each look goes through all clips that hold a word with that start."""
    [row] = await database.read("SELECT sql FROM sqlite_master WHERE name = 'clip_words'", {})
    lengths = " ".join(str(length) for length in range(1, clip_search.BY_ROW_CHARACTERS + 1))
    assert f"prefix = '{lengths}'" in row["sql"]
    for words in ("a", "ab", "abc"):
        [condition], _ = clip_search._terms(words, by_row=True)
        assert "rowid = clips.id" in condition
    [condition], _ = clip_search._terms("abcd", by_row=True)
    assert "BETWEEN :low AND :high" in condition


async def test_searches_are_their_members(database: Database) -> None:
    search = ClipSearch(database)
    wanted = ClipFilter(words="雨 " * 300, mode=Mode.AR, model="m", preset_id=3, in_server=True)
    first = await search.store(ALICE, wanted, 1)
    other = await search.store(BOB, wanted, 1)
    assert await search.stored(ALICE, first) == wanted
    with pytest.raises(NotFound):
        await search.stored(BOB, first)
    for _ in range(MAX_SEARCHES):
        await search.store(ALICE, ClipFilter(words="later"), 2)
    with pytest.raises(NotFound):
        await search.stored(ALICE, first)
    assert await search.stored(BOB, other) == wanted
