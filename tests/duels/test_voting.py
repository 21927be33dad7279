"""Voting through the service, against the real database: judging, racing votes, and two clocks."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bot.arena.votes import Choice, ExcludedReason, Rules, Vote, excluded_reason
from bot.config import Settings
from bot.duels.voting import VoteOutcome, VoteService
from bot.errors import NotFound, UserError
from bot.leaderboard.vote_reader import VoteReader
from bot.store.database import Database
from bot.store.duels.model import DISCORD_EPOCH_MS
from bot.store.duels.repository import Duels
from bot.store.duels.votes import Votes, VotingFacts
from tests.builders import new_duel
from tests.duels.test_end import duel_service
from tests.store.test_votes import CLOSES, POSTED, open_duel

HEARING = 10.0
DAY = 86_400.0


class Barrier(Votes):
    """Votes whose first `parties` facts are all read before any of the votes is judged and stored."""

    def __init__(self, database: Database, parties: int) -> None:
        super().__init__(database)
        self._barrier = asyncio.Barrier(parties)
        self._left = parties

    async def facts(self, duel_id: int, voter_id: int, cast_at: float) -> VotingFacts | None:
        found = await super().facts(duel_id, voter_id, cast_at)
        self._left -= 1
        if self._left >= 0:
            await self._barrier.wait()
        return found


def service(votes: Votes, clock: Callable[[], float] = lambda: 1_500.0, **changes: Any) -> VoteService:
    known: dict[str, Any] = {
        "duel_hearing_seconds": HEARING,
        "duel_heard_share": 0.0,
        "duel_account_days": 0.0,
        "duel_close_votes": 0,
    }
    settings = Settings(**known | changes)
    return VoteService(votes, settings, clock, on_closed=lambda: None)


async def cast(
    votes: VoteService, duel: int, voter: int, choice: Choice = Choice.A, at: float = 1_500.0
) -> VoteOutcome:
    return await votes.cast(duel, voter, choice, cast_at=at, account_created_at=0.0)


async def test_votes_of_one_person_at_once_are_one(database: Database) -> None:
    duel = await open_duel(database)
    votes = service(Barrier(database, 20))
    taps = [cast(votes, duel, 5, choice) for choice in list(Choice) * 5]
    answers = await asyncio.gather(*taps, return_exceptions=True)
    assert sum(isinstance(answer, VoteOutcome) for answer in answers) == 1
    assert sum(isinstance(answer, UserError) and "final" in str(answer) for answer in answers) == 19


async def test_two_votes_at_once_share_one_days_limit(database: Database) -> None:
    duels = [await open_duel(database) for _ in range(2)]
    votes = service(Barrier(database, 2), duel_votes_per_day=1)
    outcomes = await asyncio.gather(*(cast(votes, duel, 5) for duel in duels))
    # Both were judged as the first of the day; the one that was stored later was judged again.
    assert {one.excluded_reason for one in outcomes} == {None, ExcludedReason.TOO_MANY_TODAY}


async def test_a_vote_judged_before_the_duel_closed_is_refused_after_it(database: Database) -> None:
    duel = await open_duel(database)
    barrier = Barrier(database, 2)
    tap = asyncio.create_task(cast(service(barrier), duel, 5))
    await barrier.facts(duel, 6, 1_500.0)
    await Duels(database).close(duel, 1_500.0)
    # The INSERT was at the database before the closing, or the vote is refused.
    [answer] = await asyncio.gather(tap, return_exceptions=True)
    counted = (await Votes(database).tally(duel)).counted
    assert isinstance(answer, NotFound) if counted == {} else counted == {"a": 1}


async def test_a_second_vote_changes_nothing(database: Database) -> None:
    duel, votes = await open_duel(database), service(Votes(database))
    await cast(votes, duel, 5, Choice.A)
    with pytest.raises(UserError, match="final"):
        await cast(votes, duel, 5, Choice.B)
    await Duels(database).close(duel, 1_600)
    assert (await votes.tally(duel)).counted == {"a": 1}


async def test_the_last_vote_waited_for_is_made_known(database: Database) -> None:
    duel, closings = await open_duel(database), []
    settings = Settings(duel_close_votes=2, duel_heard_share=0.0, duel_account_days=0.0)
    votes = VoteService(Votes(database), settings, lambda: 1_500.0, lambda: closings.append(duel))
    assert [(await cast(votes, duel, voter)).closed for voter in (5, 6)] == [False, True]
    assert closings == [duel]


@given(at=st.floats(POSTED - 5, CLOSES + 5))
def test_a_vote_is_taken_once_both_clips_can_have_been_heard(at: float, tmp_path_factory: Any) -> None:
    async def tap() -> VoteOutcome:
        async with Database.open(tmp_path_factory.mktemp("db") / "a.db", now=0) as database:
            return await cast(service(Votes(database)), await open_duel(database), 5, at=at)

    if at < POSTED + HEARING:
        with pytest.raises(UserError, match="heard both"):
            asyncio.run(tap())
    else:
        assert asyncio.run(tap()).excluded_reason is None


@pytest.mark.parametrize("ahead", [-600.0, 0.0, 600.0])
async def test_a_duel_closes_by_the_bots_clock_alone(
    database: Database, tmp_path: Path, ahead: float
) -> None:
    """Discord's clock is `ahead` of the bot's, so taps and the duel's message carry other times."""
    now = POSTED
    settings = Settings(clip_dir=tmp_path, duel_hours=1.0)
    duels, votes = duel_service(database, settings, lambda: now), service(Votes(database), lambda: now)
    new = new_duel(user_id=1, interaction_id=int((now + ahead) * 1000 - DISCORD_EPOCH_MS) << 22)
    duel, _ = await Duels(database).start(new, now, max_open=9, per_member=9, in_all=9)
    await Duels(database).ready(duel.id, file_a="a", file_b="b", picture="p")
    await duels.opened(duel, 77, now + ahead)
    duel = await duels.get(duel.id)
    await duels.answer_updated(duel)
    assert duel.in_discord_time(duel.closes_at or 0) == pytest.approx(POSTED + 3600 + ahead, abs=0.01)
    now = POSTED + 3599
    await cast(votes, duel.id, 5, at=now + ahead)
    assert await duels.due() == []
    now = POSTED + 3600
    with pytest.raises(NotFound, match="no more votes"):
        await cast(votes, duel.id, 6, at=now + ahead)
    assert [one.id for one in await duels.due()] == [duel.id]


TAPS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3), st.floats(POSTED + HEARING, POSTED + 3 * DAY)),
    max_size=12,
)


@hypothesis_settings(max_examples=50)
@given(taps=TAPS, per_day=st.integers(1, 3), at_once=st.booleans())
def test_any_votes_keep_the_limit_a_day(
    taps: list[tuple[int, int, float]], per_day: int, at_once: bool, tmp_path_factory: Any
) -> None:
    path: Path = tmp_path_factory.mktemp("db") / "antiphon.db"

    async def vote() -> list[object]:
        async with Database.open(path, now=0) as database:
            duels = [await open_duel(database) for _ in range(4)]
            votes = service(Votes(database), duel_votes_per_day=per_day)
            waiting = [cast(votes, duels[duel], voter, at=at) for voter, duel, at in taps]
            if at_once:
                answers: list[object] = await asyncio.gather(*waiting, return_exceptions=True)
            else:
                answers = [(await asyncio.gather(one, return_exceptions=True))[0] for one in waiting]
            for duel in duels:
                await Duels(database).close(duel, 1_600)
            return answers

    answers = asyncio.run(vote())
    assert all(isinstance(answer, VoteOutcome | UserError) for answer in answers)
    with VoteReader(path) as reader:
        stored = [vote for duel in reader.closed_duels() for vote in reader.votes_on(duel)]
    assert {(vote.voter, vote.duel) for vote in stored} == {(voter, duel + 1) for voter, duel, _ in taps}
    assert len(stored) == sum(isinstance(answer, VoteOutcome) for answer in answers)
    for voter in {vote.voter for vote in stored}:
        of_voter = [vote for vote in stored if vote.voter == voter]
        orders = itertools.permutations(of_voter)
        assert any(follows(list(order), per_day) for order in orders), "no order of storing explains them"
    if not at_once:
        order = list(dict.fromkeys((voter, duel + 1) for voter, duel, _ in taps))
        ordered = sorted(stored, key=lambda vote: order.index((vote.voter, vote.duel)))
        for voter in {vote.voter for vote in stored}:
            assert follows([vote for vote in ordered if vote.voter == voter], per_day)


def follows(votes: list[Vote], per_day: int) -> bool:
    """Tell whether each vote of a person was judged by those stored before it."""
    rules = Rules(heard_share=0, account_days=0, votes_per_day=per_day)
    return all(
        vote.excluded_reason
        == excluded_reason(
            rules,
            seconds_to_vote=vote.seconds_to_vote,
            clip_seconds=vote.seconds,
            account_age_days=1,
            counted_today=sum(
                other.cast_at > vote.cast_at - DAY and other.excluded_reason is None
                for other in votes[:number]
            ),
        )
        for number, vote in enumerate(votes)
    )
