"""The choice of the next pair in a series of duels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import entr, expit

from bot.arena.ballots import Floats
from bot.arena.next_pair import Standings, standings


@st.composite
def votes(draw: st.DrawFn) -> Floats:
    m = draw(st.integers(2, 6))
    cells = draw(st.lists(st.integers(0, 60), min_size=m * m, max_size=m * m))
    wins = np.array(cells, dtype=np.float64).reshape(m, m)
    np.fill_diagonal(wins, 0)
    return wins


@settings(deadline=None, max_examples=60)
@given(votes(), st.integers(0, 1 << 30))
def test_the_pair_is_two_contenders_in_order_and_the_seed_decides(wins: Floats, seed: int) -> None:
    first, second = standings(wins, seed).next_pair()
    assert 0 <= first < second < len(wins)
    assert (first, second) == standings(wins, seed).next_pair()


@settings(deadline=None, max_examples=60)
@given(votes(), st.integers(0, 1 << 30))
def test_a_gain_is_at_most_the_uncertainty_about_vote_and_best(wins: Floats, seed: int) -> None:
    found = standings(wins, seed)
    gains = found.gains()
    assert gains == pytest.approx(gains.T, abs=1e-12)
    assert (gains >= 0).all()
    # Mutual information is at most the entropy of either.
    won = expit(found.draws[:, :, None] - found.draws[:, None, :]).mean(axis=0)
    assert (gains <= entr(won) + entr(1 - won) + 1e-12).all()
    assert (gains <= entr(found.best).sum() + 1e-12).all()
    assert found.best.sum() == pytest.approx(1)
    assert found.mean.sum() == pytest.approx(0, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(votes(), st.permutations(range(6)))
def test_the_utilities_do_not_depend_on_the_order_of_the_contenders(wins: Floats, order: list[int]) -> None:
    shuffled = [one for one in order if one < len(wins)]
    found = standings(wins[np.ix_(shuffled, shuffled)], 1).mean
    assert found == pytest.approx(standings(wins, 1).mean[shuffled], abs=1e-6)


def test_the_gain_is_the_mutual_information_counted_out() -> None:
    draws = np.array([[1.0, 0.0, -1.0], [0.0, 2.0, -1.0], [0.5, 0.0, -2.0], [0.0, 0.1, 0.05]])
    gains = Standings(draws.mean(axis=0), draws).gains()
    chance = expit(draws[:, 0] - draws[:, 1])
    # The joint table of the vote (rows) and the best (0 in the draws 0 and 2, 1 in the draws 1 and 3).
    joint = np.array([[chance[[0, 2]].sum(), chance[[1, 3]].sum()], [(1 - chance)[[0, 2]].sum(), 0.0]]) / 4
    joint[1, 1] = (1 - chance)[[1, 3]].sum() / 4
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    assert gains[0, 1] == pytest.approx(float((joint * np.log(joint / independent)).sum()))


@pytest.mark.parametrize("seed", range(5))
def test_leaders_that_are_close_meet_rather_than_losers(seed: int) -> None:
    wins = np.array([[0, 30, 90, 90], [30, 0, 90, 90], [5, 5, 0, 10], [5, 5, 10, 0]], dtype=np.float64)
    assert standings(wins, seed).next_pair() == (0, 1)


@pytest.mark.parametrize("seed", range(5))
def test_a_contender_that_nobody_heard_meets_the_leader(seed: int) -> None:
    wins = np.array([[0, 80, 0], [20, 0, 0], [0, 0, 0]], dtype=np.float64)
    assert standings(wins, seed).next_pair() == (0, 2)


def test_a_pair_is_named_even_where_nothing_is_left_to_learn() -> None:
    draws = np.tile([2.0, 1.0, 0.0], (10, 1))
    assert (Standings(draws[0], draws).gains() == 0).all()
    wins = np.zeros((2, 2))
    wins[0, 1] = 1e6
    assert standings(wins, 1).next_pair() == (0, 1)


def test_votes_of_one_duel_are_weighted_down() -> None:
    wins = np.array([[0.0, 20.0], [10.0, 0.0]])
    spread = (lambda d: float((d[:, 0] - d[:, 1]).std()))(standings(wins, 3).draws)
    # Half of 30 votes at 2 : 1 and a prior of 1 logit: 1 / √(15 · 2/9 + 1) ≈ 0.48.
    assert spread == pytest.approx(0.48, abs=0.03)
