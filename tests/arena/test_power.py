from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.power import normal_sample_size_one_tail

from benchmarks.arena_communities import Community
from bot.arena.ballots import Ballots
from bot.arena.power import independent_votes, needed
from bot.arena.results import MIN_DUELS, MIN_PEOPLE
from bot.arena.winrate import win_rate
from tests.arena.community import votes_of


@given(st.floats(0.01, 0.3), st.floats(0.6, 0.99))
@settings(deadline=None)
def test_independent_votes_are_those_of_statsmodels(margin: float, power: float) -> None:
    theirs = normal_sample_size_one_tail(
        margin, power, 0.025, std_null=0.5, std_alternative=sqrt(0.25 - margin**2)
    )
    assert independent_votes(margin, power) == pytest.approx(theirs, rel=1e-9)


def test_a_community_that_grew_so_far_sees_five_points_four_times_in_five() -> None:
    small = Community(40, 80, 6, 0.5, 0.6, 0.6, activity=0.5, side=0.0)
    missing = np.mean([needed(win_rate(Ballots.of(votes_of(small, seed)))).people for seed in range(20)])
    growth = 1 + missing / 40
    grown = Community(int(40 * growth), int(80 * growth), 6, 0.55, 0.6, 0.6, activity=0.5, side=0.0)
    seen = [win_rate(Ballots.of(votes_of(grown, seed))).low > 0.5 for seed in range(40)]
    assert 0.65 < np.mean(seen) < 0.95


def test_nothing_is_missing_where_there_are_votes_enough() -> None:
    rate = win_rate(Ballots.of(votes_of(Community(300, 800, 8, 0.5, 0.2, 0.2), 1)))
    assert needed(rate).votes == needed(rate).people == needed(rate).duels == 0


def test_an_empty_community_is_told_a_plan() -> None:
    plan = needed(win_rate(Ballots.of([])))
    assert plan.votes > independent_votes()
    assert plan.people >= MIN_PEOPLE
    assert plan.duels >= MIN_DUELS


@pytest.mark.parametrize(
    ("margin", "power"), [(0, 0.8), (0.5, 0.8), (0.05, 1), (0.05, 0.5), (float("nan"), 0.8)]
)
def test_impossible_questions_are_refused(margin: float, power: float) -> None:
    with pytest.raises(ValueError, match="has to lie between"):
        independent_votes(margin, power)
