from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.store import fill
from bot.presets.names import name_key
from bot.recipe import Mode
from bot.store import migrations
from bot.store.database import Database
from bot.store.presets import search
from bot.store.presets.model import Scope, Viewer
from bot.store.presets.search import Filter, Search, Sort
from bot.store.presets.votes import Votes
from tests.store.preset_builders import ALICE, BOB, ELSEWHERE, GUILD, kept, presets_of, rendered, shared

BOB_HERE = Viewer(BOB, GUILD)


async def suggested(database: Database, text: str, viewer: Viewer = BOB_HERE) -> list[str]:
    return [one.name for one in await Search(database).suggest(viewer, text, name_key(text))]


async def browsed(database: Database, viewer: Viewer = BOB_HERE, **wanted: object) -> list[str]:
    sought = Filter(**wanted)  # type: ignore[arg-type]
    found = await Search(database).browse(viewer, sought, name_key(sought.text), limit=100)
    return [preset.name for preset in found]


@pytest.mark.parametrize(
    ("text", "finds"),
    [
        ("lo-fi", {"Study"}),
        ("lo fi", {"Study"}),
        ("c#", {"C# minor"}),
        ("c# minor", {"C# minor"}),
        ('"', set()),
        ('"quo', {"Quotes"}),
        ("'", set()),
        ("東京タワー", {"夜"}),
        ("京タワ", {"夜"}),
        ("在屋頂上", {"雨"}),
        ("雨", {"雨"}),
        ("mid", {"C# minor"}),
        ("nigh", {"C# minor"}),
        ("CAFÉ", {"Quotes"}),
        ("cafe", {"Quotes"}),
        ("piano tin", {"Study"}),
        ("piano nothing", set()),
        ("AND", set()),
        ("name : x", set()),
        ("pia* NEAR(", set()),
        ("- -", set()),
    ],
)
async def test_any_text_is_a_search(database: Database, text: str, finds: set[str]) -> None:
    await shared(database, name="Study", template="lo-fi piano on a tin roof")
    await shared(database, name="C# minor", template="slow", description="for late midnights", tags=["soft"])
    await shared(database, name="Quotes", template='he says "quoted" things in a café')
    await shared(database, name="夜", template="{prompt}、雨の東京タワーの夜に")
    await shared(database, name="雨", template="細雨落在屋頂上的聲音")
    assert set(await suggested(database, text)) == finds
    assert set(await browsed(database, text=text)) == finds


@given(text=st.text(max_size=30))
def test_no_query_is_a_syntax_error(text: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        for tokenizer, query in (
            ("unicode61", search.words_query(text)),
            ("trigram", search.grams_query(text)),
        ):
            if query is not None:
                connection.execute(
                    f"CREATE VIRTUAL TABLE {tokenizer}_t USING fts5 (a, tokenize = {tokenizer})"
                )
                sql = f"SELECT * FROM {tokenizer}_t WHERE {tokenizer}_t MATCH ?"
                assert connection.execute(sql, (query,)).fetchall() == []


async def test_what_cannot_be_seen_is_nothing_typed(database: Database) -> None:
    await shared(database, name="Rain")
    assert await suggested(database, "\x00\u202e") == ["Rain"]


async def test_own_come_before_the_servers_before_public(database: Database) -> None:
    await shared(database, name="Rain public")
    await shared(database, name="Rain server", scope=Scope.SERVER)
    await kept(database, BOB, name="Rain own")
    for text in ("", "ra", "rain"):
        assert await suggested(database, text) == ["Rain own", "Rain server", "Rain public"], text
    assert await suggested(database, "rain", Viewer(BOB, ELSEWHERE)) == ["Rain own", "Rain public"]


async def test_within_a_tier_use_and_then_rating_decide(database: Database) -> None:
    presets = {name: await shared(database, name=f"Rain {name}") for name in ("never", "liked", "plain")}
    for name in ("liked", "plain"):
        await rendered(database, presets[name], BOB)
    await Votes(database).rate(BOB_HERE, presets["liked"].id, up=True, now=1)
    assert await suggested(database, "rain") == ["Rain liked", "Rain plain", "Rain never"]


async def test_what_everybody_matches_still_offers_the_best(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_CANDIDATES", 3)
    for n in range(8):
        await shared(database, name=f"Rain {n}")
    mine = await kept(database, BOB, name="Rain of mine")
    best = await presets_of(database).find("Rain 7", BOB_HERE)
    await rendered(database, best, BOB)
    assert (await suggested(database, "rain"))[:2] == [mine.name, "Rain 7"]


async def test_the_indexes_follow_every_change(database: Database) -> None:
    presets = presets_of(database)
    preset = await shared(database, name="Before", template="drizzle")
    await presets.rename(ALICE, preset.id, "After", 1)
    assert await suggested(database, "befo") == []
    assert await suggested(database, "after") == ["After"]
    changed = type(preset.body)(template="hailstorm", mode=Mode.AR, description="loud", tags=("wet-day",))
    await presets.edit(ALICE, preset.id, changed, 2)
    assert await suggested(database, "drizzle") == []
    for word in ("hailstorm", "ailsto", "loud", "wet-day"):
        assert await suggested(database, word) == ["After"], word
    await presets.share(ALICE, preset.id, Scope.PRIVATE, GUILD, 3, per_server=1)
    assert await suggested(database, "hailstorm") == []
    await presets.fork(Viewer(ALICE, None), preset.id, 4, per_member=9)
    await presets.delete(ALICE, preset.id, 5)
    assert await suggested(database, "hailstorm", Viewer(ALICE, None)) == ["After 2"]


async def test_browsing_filters_and_sorts(database: Database) -> None:
    old = await shared(database, name="Old", tags=["calm", "night"])
    new = await shared(database, name="New", mode=Mode.DIFFUSION, tags=["calm-night"])
    await rendered(database, old, BOB)
    await rendered(database, new, BOB)
    await rendered(database, new, BOB)
    await Votes(database).rate(BOB_HERE, old.id, up=True, now=9)
    assert await browsed(database) == ["Old", "New"]
    assert await browsed(database, sort=Sort.USE) == ["New", "Old"]
    assert await browsed(database, sort=Sort.NEWEST) == ["New", "Old"]
    assert await browsed(database, mode=Mode.DIFFUSION) == ["New"]
    assert await browsed(database, tag="calm") == ["Old"]
    assert await browsed(database, tag="calm-night") == ["New"]
    assert await browsed(database, text="tin roof", tag="night", mode=Mode.AR) == ["Old"]
    assert await browsed(database, text="ne") == ["New"]
    assert await browsed(database, text="zz") == []


async def test_a_page_costs_the_same_among_many_presets(tmp_path: Path) -> None:
    """SQLite's virtual machine runs as many instructions for a page of 1,200 presets as for one of 200."""
    path = tmp_path / "presets.db"
    steps: dict[tuple[Sort, str], list[int]] = {}
    for presets in (200, 1_200):
        path.unlink(missing_ok=True)
        migrations.migrate(path, 0)
        fill(path, presets)
        async with Database.open(path, 0) as database:
            for sort in Sort:
                for key in ("", "zz"):
                    count = 0

                    def step() -> int:
                        nonlocal count
                        count += 1
                        return 0

                    await database._reader.set_progress_handler(step, 10)
                    await Search(database).browse(BOB_HERE, Filter(key, sort=sort), key, limit=6)
                    steps.setdefault((sort, key), []).append(count)
    for (sort, key), (few, many) in steps.items():
        assert many < 2 * few + 20, (sort, key, few, many)
