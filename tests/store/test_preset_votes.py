from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.arena.wilson import wilson_interval
from bot.errors import NotFound, UserError
from bot.store.database import Database
from bot.store.presets.model import Viewer
from bot.store.presets.search import Filter, Search
from bot.store.presets.votes import Votes
from tests.store.preset_builders import (
    ALICE,
    BOB,
    GUILD,
    MANY,
    NOBODY,
    kept,
    presets_of,
    rendered,
    shared,
)

counts = st.integers(0, 10_000)


def lower_bound(ups: int, downs: int) -> float:
    return wilson_interval(ups / (ups + downs), ups + downs)[0]


def test_known_values() -> None:
    # 8 of 10 at 95 %, by hand with z² = 3.8415: (0.8 + 0.19207 − 0.31352) / 1.38415.
    assert lower_bound(8, 2) == pytest.approx(0.4902, abs=1e-4)


@given(st.integers(1, 10_000), counts)
def test_the_bound_lies_below_the_share_and_grows_with_thumbs_up(ups: int, downs: int) -> None:
    bound = lower_bound(ups, downs)
    assert 0 <= bound <= ups / (ups + downs)
    assert lower_bound(ups + 1, downs) > bound
    assert lower_bound(ups, downs + 1) <= bound


@given(st.integers(1, 1000), st.integers(0, 1000), st.integers(2, 10))
def test_more_votes_of_the_same_share_are_worth_more(ups: int, downs: int, times: int) -> None:
    assert lower_bound(ups * times, downs * times) > lower_bound(ups, downs)


async def test_only_who_rendered_with_it_may_rate(database: Database) -> None:
    preset, votes = await shared(database), Votes(database)
    bob = Viewer(BOB, GUILD)
    with pytest.raises(UserError, match="Make a clip"):
        await votes.rate(bob, preset.id, up=True, now=1)
    await rendered(database, preset, BOB)
    assert await votes.rate(bob, preset.id, up=True, now=2) == (1, 0)
    assert await votes.rate(bob, preset.id, up=False, now=3) == (0, 1)
    with pytest.raises(NotFound):
        await votes.rate(bob, (await kept(database, name="Secret")).id, up=True, now=4)


async def test_a_vote_outlives_a_new_version(database: Database) -> None:
    preset, votes = await shared(database), Votes(database)
    await rendered(database, preset, BOB)
    await presets_of(database).edit(ALICE, preset.id, preset.body, 5)
    assert await votes.rate(Viewer(BOB, None), preset.id, up=True, now=6) == (1, 0)


async def test_votes_at_once_are_all_counted(database: Database) -> None:
    preset, votes = await shared(database), Votes(database)
    for user in range(1, 13):
        await rendered(database, preset, user)
    changes = [
        votes.rate(Viewer(user, None), preset.id, up=up, now=1)
        for up in (False, True)
        for user in range(1, 13)
    ]
    await asyncio.gather(*changes)
    row = await database.read_one("SELECT ups, downs, rating FROM presets WHERE id = :id", {"id": preset.id})
    cast = await database.read_one("SELECT sum(up) AS ups, count(*) AS n FROM preset_votes", {})
    assert row is not None
    assert cast is not None
    assert (row["ups"], row["ups"] + row["downs"]) == (cast["ups"], cast["n"]) == (cast["ups"], 12)
    assert row["rating"] == lower_bound(row["ups"], row["downs"])


final_votes = st.dictionaries(
    st.tuples(st.integers(0, 2), st.integers(1, 5)), st.booleans(), min_size=1, max_size=15
)


@pytest.fixture(scope="module")
def rendered_by_all(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with three presets, each rendered by members 1 to 5."""
    path = tmp_path_factory.mktemp("votes") / "a.db"

    async def fill() -> None:
        async with Database.open(path, 0) as database:
            for n in range(3):
                preset = await shared(database, name=f"Rain {n}")
                for user in range(1, 6):
                    await rendered(database, preset, user)

    asyncio.run(fill())
    return path


@settings(max_examples=20)
@given(final_votes, st.randoms(use_true_random=False))
def test_the_order_never_depends_on_the_order_of_votes(
    rendered_by_all: Path, wanted: dict[tuple[int, int], bool], random: Random
) -> None:
    async def ranked(votes: list[tuple[tuple[int, int], bool]]) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(shutil.copy(rendered_by_all, folder))
            async with Database.open(path, 0) as database:
                presets = [await presets_of(database).find(f"Rain {n}", NOBODY) for n in range(3)]
                for (index, user), up in votes:
                    await Votes(database).rate(Viewer(user, None), presets[index].id, up=up, now=1)
                found = await Search(database).browse(NOBODY, Filter(), "", limit=MANY)
                return [preset.name for preset in found]

    straight = list(wanted.items())
    # Everybody thinks otherwise first, and then the same votes come in another order.
    otherwise = [(key, not up) for key, up in straight]
    shuffled = straight.copy()
    random.shuffle(shuffled)
    assert asyncio.run(ranked(straight)) == asyncio.run(ranked(otherwise + shuffled))
