from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import NotFound, StoreError, UserError
from bot.store.database import Database
from bot.store.duels.repository import Duels
from bot.store.duels.votes import Cast, VoteReader, Votes
from tests.builders import new_duel

POSTED, CLOSES = 1_000.0, 2_000.0
REQUESTER = 1


async def open_duel(database: Database, **changes: Any) -> int:
    duels = Duels(database)
    duel, _ = await duels.start(
        new_duel(user_id=REQUESTER, **changes), 0, open_most=99, per_member=999, in_all=999
    )
    await duels.ready(duel.id, file_a="a", file_b="b", picture="p")
    await duels.opened(duel.id, 77, POSTED, CLOSES)
    return duel.id


async def cast(
    database: Database, duel: int, voter: int, choice: str = "a", now: float = 1_500.0, **changes: Any
) -> Cast:
    known: dict[str, Any] = {"earliest": 10.0, "full_at": 0, "judge": lambda waited, seconds, today: None}
    return await Votes(database).cast(duel, voter, choice, now, **known | changes)


async def test_two_votes_at_once_are_one(database: Database) -> None:
    duel = await open_duel(database)
    taps = [cast(database, duel, 5, choice) for choice in ("a", "b", "both_good", "both_bad") * 5]
    answers = await asyncio.gather(*taps, return_exceptions=True)
    assert sum(isinstance(answer, Cast) for answer in answers) == 1
    assert sum(isinstance(answer, UserError) and "final" in str(answer) for answer in answers) == 19


async def test_a_second_vote_changes_nothing(database: Database) -> None:
    duel = await open_duel(database)
    await cast(database, duel, 5, "a")
    with pytest.raises(UserError, match="final"):
        await cast(database, duel, 5, "b")
    await Duels(database).close(duel, 1_600)
    assert (await Votes(database).tally(duel)).counted == {"a": 1}


@given(now=st.floats(POSTED - 5, CLOSES + 5))
def test_a_vote_is_taken_after_hearing_and_before_closing(now: float, tmp_path_factory: Any) -> None:
    async def tap() -> Cast:
        async with Database.open(tmp_path_factory.mktemp("db") / "a.db", now=0) as database:
            return await cast(database, await open_duel(database), 5, now=now)

    if now >= CLOSES:
        with pytest.raises(NotFound):
            asyncio.run(tap())
    elif now < POSTED + 10:
        with pytest.raises(UserError, match="heard both"):
            asyncio.run(tap())
    else:
        assert asyncio.run(tap()).seconds_to_vote == pytest.approx(now - POSTED)


async def test_a_vote_is_kept_with_the_reason_why_it_does_not_count(database: Database) -> None:
    duel = await open_duel(database)
    found = await cast(database, duel, 5, judge=lambda waited, seconds, today: "too_quick")
    assert found.excluded_reason == "too_quick"
    await cast(database, duel, 6)
    await Duels(database).close(duel, 1_600)
    tally = await Votes(database).tally(duel)
    assert (tally.counted, tally.excluded) == ({"a": 1}, 1)


async def test_the_judge_is_told_what_counted_within_a_day(database: Database) -> None:
    seen = []

    def judge(waited: float, seconds: float, today: int) -> str | None:
        seen.append((waited, seconds, today))
        return "too_many_today" if today >= 2 else None

    for _ in range(4):
        await cast(database, await open_duel(database), 5, judge=judge)
    assert seen == [(500.0, 10.0, n) for n in (0, 1, 2, 2)]


async def test_the_last_vote_waited_for_closes_the_duel(database: Database) -> None:
    duel = await open_duel(database)
    await cast(database, duel, 4, full_at=2, judge=lambda waited, seconds, today: "too_quick")
    taps = [cast(database, duel, voter, full_at=2) for voter in range(5, 10)]
    answers = await asyncio.gather(*taps, return_exceptions=True)
    stored = [answer for answer in answers if isinstance(answer, Cast)]
    assert [one.full for one in stored] == [False, True]
    assert all(isinstance(answer, NotFound) for answer in answers if answer not in stored)


async def test_there_is_no_running_tally(database: Database) -> None:
    duel = await open_duel(database)
    await cast(database, duel, 5)
    with pytest.raises(NotFound):
        await Votes(database).tally(duel)


async def test_why_is_for_who_voted_and_until_the_duel_closes(database: Database) -> None:
    duel, votes = await open_duel(database), Votes(database)
    why: dict[str, Any] = {"reasons": ("rhythm",), "line": "é", "score_a": 0, "score_b": 10}
    with pytest.raises(NotFound):
        await votes.why(duel, 5, **why)
    await cast(database, duel, 5)
    await votes.why(duel, 5, **why)
    await Duels(database).close(duel, 1_600)
    with pytest.raises(NotFound):
        await votes.why(duel, 5, **why | {"line": "now I know"})


async def test_the_reader_sees_closed_duels_alone(database: Database, tmp_path: Path) -> None:
    first, second = await open_duel(database), await open_duel(database)
    for duel in (first, second):
        await cast(database, duel, REQUESTER, "b")
    await Duels(database).close(first, 1_600)
    with VoteReader(tmp_path / "antiphon.db") as reader:
        [duel] = reader.closed_duels()
        assert (duel.id, duel.mode_a, duel.mode_b) == (first, "diffusion", "ar")
        [vote] = reader.votes_on(first)
        assert (vote.voter_id, vote.choice, vote.requester, vote.consented) == (REQUESTER, "b", True, False)
        assert reader.vote_counts() == reader.vote_counts(10) == {first: 1}
        assert reader.vote_counts(11) == {}
        assert reader.closed_duels([second]) == []
        [row] = reader.cast_on([first])
        assert tuple(row) == (first, REQUESTER, "b", vote.cast_at, 1, None)


async def test_consent_is_given_and_taken_back(database: Database, tmp_path: Path) -> None:
    duel, votes = await open_duel(database), Votes(database)
    await cast(database, duel, 5)
    await Duels(database).close(duel, 1_600)
    with VoteReader(tmp_path / "antiphon.db") as reader:
        for agrees in (True, True, False):
            await votes.consent(5, 1, agrees=agrees)
            assert await votes.consented(5) is agrees
            assert [vote.consented for vote in reader.votes_on(duel)] == [agrees]
        await votes.consent(REQUESTER, 1, agrees=True)
        assert reader.closed_duels()[0].prompt_consented


async def test_forgetting_removes_one_person(database: Database) -> None:
    duel, votes = await open_duel(database), Votes(database)
    for voter in (5, 6):
        await cast(database, duel, voter)
        await votes.consent(voter, 1, agrees=True)
    assert await votes.forget(5) == 1
    assert [await votes.count_of(voter) for voter in (5, 6)] == [0, 1]
    assert [await votes.consented(voter) for voter in (5, 6)] == [False, True]


def test_no_database_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no database"):
        VoteReader(tmp_path / "absent.db")
