"""The repository of series: what is counted, how far one is, and its end."""

from __future__ import annotations

from typing import Any

import pytest

from bot.arena.votes import Choice, ExcludedReason
from bot.errors import LimitReached, NotFound
from bot.recipe import Mode
from bot.store.database import Database
from bot.store.duels.model import Duel, InSeries, NewDuel
from bot.store.duels.repository import Duels
from bot.store.duels.series import NewSeries, Series, SeriesState, SeriesStore
from tests.builders import new_duel, recipe, store_vote

MANY: dict[str, Any] = {"max_open": 1000, "per_member": 1000, "in_all": 1000}


def new_series(**changes: Any) -> NewSeries:
    row = (recipe(mode=Mode.AR), recipe(mode=Mode.DIFFUSION), recipe(mode=Mode.AR, model="third"))
    given: dict[str, Any] = {
        "names": ("one", "two 🎹", "three"),
        "prompts": ("rain", "snow"),
        "recipes": (row, tuple(one.reseeded() for one in row)),
        "duels": 5,
        "user_id": 1,
        "guild_id": 10,
        "channel_id": 100,
        "application_id": 1000,
        "max_bytes": 10_000,
    }
    return NewSeries(**(given | changes))


@pytest.fixture
def store(database: Database) -> SeriesStore:
    return SeriesStore(database)


async def opened(database: Database, series: Series, a: int, b: int) -> Duel:
    duels, plain = Duels(database), new_duel()
    new = NewDuel(
        prompt=plain.prompt,
        seconds=plain.seconds,
        tags=plain.tags,
        built_in=False,
        guild_id=10,
        sides=plain.sides,
        series=InSeries(series.id, {"a": a, "b": b}),
    )
    duel, jobs = await duels.start(new, 0, **MANY)
    assert duel.series_id == series.id
    assert duel.answer_shown == "open", "the command's answer is the series' own"
    assert len(jobs) == 2
    await duels.ready(duel.id, file_a="a", file_b="b", picture="p")
    await duels.opened(duel.id, 77, 100.0, 9_000.0)
    return duel


async def test_a_series_comes_back_as_it_was_stored(store: SeriesStore) -> None:
    new = new_series()
    series = await store.start(new, 1.0)
    assert series == await store.get(series.id, 10)
    assert (series.names, series.recipes, series.duels) == (new.names, new.recipes, 5)
    assert [series.prompt_of(duel) for duel in range(3)] == [0, 1, 0]
    assert await store.skip(series, [0], "refused")
    series = await store.get(series.id, 10)
    assert series.skipped == {0: "refused"}
    assert [series.prompt_of(duel) for duel in range(3)] == [1, 1, 1]
    assert await store.skip(series, [1], "refused too")
    assert (await store.get(series.id, 10)).prompt_of(0) is None
    await store.end(series.id, "", 2.0)
    assert not await store.skip(series, [0], "it is over")
    with pytest.raises(NotFound):
        await store.get(series.id, 11)


async def test_a_member_has_one_running_series_a_server(store: SeriesStore) -> None:
    first = await store.start(new_series(), 1.0)
    with pytest.raises(LimitReached, match="/duel stop"):
        await store.start(new_series(), 2.0)
    await store.start(new_series(guild_id=11), 2.0)
    await store.start(new_series(user_id=2), 2.0)
    assert await store.end(first.id, "enough", 3.0)
    assert not await store.end(first.id, "again", 4.0)
    assert (await store.get(first.id, 10)).why == "enough"
    again = await store.start(new_series(), 5.0)
    assert [one.id for one in await store.newest_in(10, 2)] == [again.id, again.id - 1]


async def test_counted_votes_of_closed_duels_alone_are_wins(database: Database, store: SeriesStore) -> None:
    series = await store.start(new_series(), 1.0)
    duel = await opened(database, series, 2, 0)
    await store_vote(database, duel.id, 1, Choice.A)
    await store_vote(database, duel.id, 2, Choice.B)
    await store_vote(database, duel.id, 3, Choice.A)
    await store_vote(database, duel.id, 4, Choice.BOTH_GOOD)
    await store_vote(database, duel.id, 5, Choice.A, excluded_reason=ExcludedReason.TOO_QUICK)
    assert await store.wins(series.id, 3) == [[0] * 3] * 3, "an open duel gives nothing away"
    progress = await store.progress(series.id)
    assert (progress.over, progress.unfinished) == (0, duel.id)
    await Duels(database).close(duel.id, 2)
    assert (await store.progress(series.id)).unfinished == duel.id, "until it is revealed"
    await Duels(database).revealed(duel.id, 3)
    assert await store.wins(series.id, 3) == [[0, 0, 1], [0, 0, 0], [2, 0, 0]]
    progress = await store.progress(series.id)
    assert (progress.over, progress.unfinished) == (1, None)


async def test_failures_in_a_row_are_counted_up_to_the_last_duel(
    database: Database, store: SeriesStore
) -> None:
    series = await store.start(new_series(), 1.0)
    duels = Duels(database)
    for number in range(2):
        plain = new_duel()
        inside = InSeries(series.id, {"a": 0, "b": 1})
        duel, _ = await duels.start(
            NewDuel(
                prompt="p",
                seconds=10,
                tags=(),
                built_in=False,
                guild_id=10,
                sides=plain.sides,
                series=inside,
            ),
            0,
            **MANY,
        )
        await duels.fail(duel.id, f"broken {number}", 1)
    progress = await store.progress(series.id)
    assert (progress.failures, progress.error, progress.over) == (2, "broken 1", 0)
    await opened(database, series, 0, 1)
    assert (await store.progress(series.id)).failures == 0


async def test_an_ended_series_starts_no_duel_and_waits_for_its_result(
    database: Database, store: SeriesStore
) -> None:
    series = await store.start(new_series(), 1.0)
    await store.posted(series.id)
    assert [one.state for one in await store.going()] == [SeriesState.RUNNING], "it has not ended yet"
    await store.end(series.id, "", 2.0)
    with pytest.raises(LimitReached):
        await opened(database, series, 0, 1)
    assert [one.state for one in await store.going()] == [SeriesState.ENDED]
    assert await store.posting(series.id, 3.0) is None
    assert await store.posting(series.id, 4.0) == 3.0
    await store.posted(series.id)
    assert await store.going() == []
