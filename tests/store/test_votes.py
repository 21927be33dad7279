from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.arena.votes import Choice, ExcludedReason, Feedback
from bot.errors import NotFound, StoreError
from bot.leaderboard.vote_reader import VoteReader
from bot.store.database import Database
from bot.store.duels.model import DuelState
from bot.store.duels.repository import Duels
from bot.store.duels.votes import Votes
from tests.builders import new_duel, store_vote

POSTED, CLOSES = 1_000.0, 2_000.0
REQUESTER = 1


async def open_duel(database: Database, **changes: Any) -> int:
    duels = Duels(database)
    duel, _ = await duels.start(
        new_duel(user_id=REQUESTER, **changes), 0, max_open=99, per_member=999, in_all=999
    )
    await duels.ready(duel.id, file_a="a", file_b="b", picture="p")
    await duels.opened(duel.id, 77, POSTED, CLOSES)
    return duel.id


async def test_a_vote_is_stored_where_the_facts_hold_and_nowhere_else(database: Database) -> None:
    first, second = await open_duel(database), await open_duel(database)
    assert await store_vote(database, first, 5, Choice.B) is DuelState.OPEN
    assert await store_vote(database, first, 5, Choice.A, counted_today=1) is None, "a second vote"
    assert await store_vote(database, second, 5, counted_today=0) is None, "one vote of theirs counts by now"
    assert await store_vote(database, second, 5, counted_today=1, now=CLOSES) is None, "the time is up"
    assert await store_vote(database, second, 5, counted_today=1) is DuelState.OPEN
    for duel in (first, second):
        await Duels(database).close(duel, 1_600)
    assert await store_vote(database, second, 6) is None, "the duel is closed"
    assert (await Votes(database).tally(first)).counted == {"b": 1}
    assert (await Votes(database).tally(second)).counted == {"a": 1}


async def test_facts_are_of_the_voter_and_the_last_24_hours(database: Database) -> None:
    votes = Votes(database)
    day = 86_400.0
    now = 10 * day
    for age, reason in ((day + 1, None), (day - 1, None), (0.0, ExcludedReason.TOO_QUICK)):
        facts = await votes.facts(duel := await open_duel(database), 5, now - age)
        assert facts is not None
        assert not facts.voted
        await store_vote(database, duel, 5, cast_at=now - age, excluded_reason=reason)
    facts = await votes.facts(duel, 5, now)
    assert facts is not None
    assert (facts.counted_today, facts.voted, facts.posted_at, facts.closes_at) == (1, True, POSTED, CLOSES)
    other = await votes.facts(duel, 6, now)
    assert other is not None
    assert (other.counted_today, other.voted) == (0, False)
    await Duels(database).close(duel, 1_600)
    assert await votes.facts(duel, 6, now) is None


async def test_excluded_votes_are_stored_and_not_counted(database: Database) -> None:
    duel = await open_duel(database)
    await store_vote(database, duel, 5, excluded_reason=ExcludedReason.TOO_QUICK)
    await store_vote(database, duel, 6)
    await Duels(database).close(duel, 1_600)
    tally = await Votes(database).tally(duel)
    assert (tally.counted, tally.excluded) == ({"a": 1}, 1)


async def test_the_last_vote_waited_for_closes_the_duel(database: Database) -> None:
    duel = await open_duel(database)
    await store_vote(database, duel, 4, full_at=2, excluded_reason=ExcludedReason.TOO_QUICK)
    states = await asyncio.gather(*(store_vote(database, duel, voter, full_at=2) for voter in range(5, 10)))
    assert states == [DuelState.OPEN, DuelState.CLOSED, None, None, None]


async def test_there_is_no_running_tally(database: Database) -> None:
    duel = await open_duel(database)
    await store_vote(database, duel, 5)
    with pytest.raises(NotFound):
        await Votes(database).tally(duel)


async def test_feedback_needs_a_vote_and_an_open_duel(database: Database) -> None:
    duel, votes = await open_duel(database), Votes(database)
    feedback = Feedback(("rhythm",), "é", 0, 10)
    with pytest.raises(NotFound):
        await votes.set_feedback(duel, 5, feedback)
    await store_vote(database, duel, 5)
    await votes.set_feedback(duel, 5, feedback)
    await Duels(database).close(duel, 1_600)
    with pytest.raises(NotFound):
        await votes.set_feedback(duel, 5, Feedback(line="now I know"))


async def test_the_reader_sees_closed_duels_alone(database: Database, tmp_path: Path) -> None:
    first, second = await open_duel(database), await open_duel(database)
    for duel in (first, second):
        await store_vote(database, duel, REQUESTER, Choice.B)
    feedback = Feedback(("rhythm",), "é", 0, 10)
    await Votes(database).set_feedback(first, REQUESTER, feedback)
    await Duels(database).close(first, 1_600)
    with VoteReader(tmp_path / "antiphon.db") as reader:
        [duel_read] = reader.closed_duels()
        assert (duel_read.id, duel_read.a.mode, duel_read.b.mode) == (first, "diffusion", "ar")
        [vote] = reader.votes_on(duel_read)
        assert (vote.voter, vote.choice, vote.requester, vote.consented) == (
            REQUESTER,
            Choice.B,
            True,
            False,
        )
        assert (vote.seconds_to_vote, vote.feedback, vote.excluded_reason) == (500.0, feedback, None)
        assert reader.vote_counts() == reader.vote_counts(10) == {first: 1}
        assert reader.vote_counts(11) == {}
        assert reader.closed_duels([second]) == []
        [row] = reader.vote_rows([first])
        assert tuple(row) == (first, REQUESTER, "b", vote.cast_at, 1, None)


async def test_consent_is_given_and_withdrawn(database: Database, tmp_path: Path) -> None:
    duel, votes = await open_duel(database), Votes(database)
    await store_vote(database, duel, 5)
    await Duels(database).close(duel, 1_600)
    with VoteReader(tmp_path / "antiphon.db") as reader:
        [closed] = reader.closed_duels()
        assert closed.prompt is None
        for consents in (True, True, False):
            await votes.set_consent(5, 1, consents=consents)
            assert await votes.has_consented(5) is consents
            assert [vote.consented for vote in reader.votes_on(closed)] == [consents]
        await votes.set_consent(REQUESTER, 1, consents=True)
        assert reader.closed_duels()[0].prompt == new_duel().prompt


async def test_a_deletion_removes_one_persons_votes(database: Database) -> None:
    duel, votes = await open_duel(database), Votes(database)
    for voter in (5, 6):
        await store_vote(database, duel, voter)
        await votes.set_consent(voter, 1, consents=True)
    assert await votes.delete_of(5) == 1
    assert [await votes.count_of(voter) for voter in (5, 6)] == [0, 1]
    assert [await votes.has_consented(voter) for voter in (5, 6)] == [False, True]


def test_no_database_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no database"):
        VoteReader(tmp_path / "absent.db")
