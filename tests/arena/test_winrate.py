from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from benchmarks.arena_communities import Community
from bot.arena.ballots import Ballots
from bot.arena.clusters import clustered_mean
from bot.arena.results import MIN_DUELS, MIN_PEOPLE, Conclusion
from bot.arena.sidebias import side_bias
from bot.arena.votes import Choice, ExcludedReason, Vote
from bot.arena.wilson import wilson_interval
from bot.arena.winrate import clustered_share, win_rate
from tests.arena.community import AR, DIFFUSION, vote, vote_lists, votes_of

CLUSTERED = Community(people=20, duels=40, voters=5, rate=0.6, person=0.8, duel=0.8)


def test_the_interval_covers_where_one_for_independent_votes_does_not() -> None:
    rng, mu, repeats = np.random.default_rng(8), CLUSTERED.mu, 600
    ours = naive = 0
    for _ in range(repeats):
        won, person, duel, _ = CLUSTERED.draw(rng, mu)
        share = clustered_share(clustered_mean(won, np.unique(person, return_inverse=True)[1], duel))
        low, high = wilson_interval(share.value, len(won), 1.96)
        ours += share.low <= CLUSTERED.rate <= share.high
        naive += low <= CLUSTERED.rate <= high
    # Three standard errors of 600 communities are 2.7 points.
    assert 0.923 < ours / repeats < 0.977
    assert naive / repeats < 0.85


@given(vote_lists(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_votes_is_irrelevant(votes: list[Vote], random: Random) -> None:
    shuffled = random.sample(votes, len(votes))
    assert win_rate(Ballots.of(votes)) == win_rate(Ballots.of(shuffled))
    assert side_bias(Ballots.of(votes)) == side_bias(Ballots.of(shuffled))


@given(vote_lists())
@settings(max_examples=60, deadline=None)
def test_no_vote_that_counts_is_dropped_and_no_other_is_counted(votes: list[Vote]) -> None:
    counts = win_rate(Ballots.of(votes)).counts
    between = [v for v in votes if v.excluded_reason is None and v.a.mode != v.b.mode]
    assert counts.total == len(between)
    assert counts.both_good == sum(v.choice is Choice.BOTH_GOOD for v in between)
    assert counts.both_bad == sum(v.choice is Choice.BOTH_BAD for v in between)


FLIP = {Choice.A: Choice.B, Choice.B: Choice.A}


def test_swapping_the_sides_changes_nothing_and_swapping_the_winners_mirrors_it() -> None:
    votes = votes_of(CLUSTERED, 4)
    found = win_rate(Ballots.of(votes))
    swapped = [replace(v, a=v.b, b=v.a, choice=FLIP[v.choice]) for v in votes]
    assert win_rate(Ballots.of(swapped)) == found
    lost = win_rate(Ballots.of([replace(v, choice=FLIP[v.choice]) for v in votes]))
    assert lost.rate == pytest.approx(1 - (found.rate or 0))
    assert (lost.low, lost.high) == pytest.approx((1 - found.high, 1 - found.low))


def everyone(people: int, duels: int, choice: Choice) -> list[Vote]:
    return [vote(d, p, choice) for p in range(people) for d in range(duels)]


@pytest.mark.parametrize(
    ("people", "duels"), [(0, 0), (1, 1), (MIN_PEOPLE - 1, 40), (100, MIN_DUELS - 1), (100, 1)]
)
def test_below_the_minimum_nothing_is_said_however_clear_the_votes(people: int, duels: int) -> None:
    found = win_rate(Ballots.of(everyone(people, duels, Choice.A)))
    assert found.conclusion is Conclusion.TOO_FEW
    assert (found.low, found.high) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("choice", "conclusion"), [(Choice.A, Conclusion.DIFFUSION), (Choice.B, Conclusion.AR)]
)
def test_a_unanimous_community_is_believed_but_not_beyond_its_people(
    choice: Choice, conclusion: Conclusion
) -> None:
    found = win_rate(Ballots.of(everyone(16, 16, choice)))
    assert found.conclusion is conclusion
    # Were people and duels each of one mind, sixteen of either would be worth eight votes.
    assert found.effective_votes == pytest.approx(256 / 31)
    assert found.high - found.low > 0.2


def test_one_person_who_votes_ten_times_as_much_makes_the_interval_wider() -> None:
    even = [vote(d, p, Choice.A if (d + p) % 3 else Choice.B) for p in range(20) for d in range(20)]
    heavy = [v for v in even if v.voter == 0 or v.duel == v.voter]
    wide, narrow = (win_rate(Ballots.of(v)) for v in (heavy, even))
    assert wide.high - wide.low > narrow.high - narrow.low


def test_an_even_community_of_thousands_is_called_even() -> None:
    votes = votes_of(Community(200, 400, 20, 0.5, 0.3, 0.3, side=0.0), 5)
    assert win_rate(Ballots.of(votes)).conclusion is Conclusion.EVEN


@pytest.mark.parametrize("rate", [0.3, 0.5, 0.8])
def test_side_bias_is_recovered_whoever_is_better(rate: float) -> None:
    community = Community(30, 60, 6, rate, 0.5, 0.5, side=0.6)
    logits = community.mu + 0.5 * 2**0.5 * np.random.default_rng(99).standard_normal(400_000)
    truth = 0.5 + float((expit(logits + 0.6) - expit(logits - 0.6)).mean()) / 2
    found = [side_bias(Ballots.of(votes_of(community, seed))) for seed in range(24)]
    assert np.mean([one.rate for one in found]) == pytest.approx(truth, abs=0.015)
    # 95 % of 24 is 23; 20 or fewer has a chance of 2 %.
    assert sum(one.low <= truth <= one.high for one in found) >= 21
    assert sum(one.biased for one in found) >= 18


def test_a_better_mode_is_no_side_bias() -> None:
    community = Community(30, 60, 6, 0.8, 0.5, 0.5, side=0.0)
    found = [side_bias(Ballots.of(votes_of(community, seed))).biased for seed in range(40)]
    assert sum(found) <= 5  # 5 % of 40 is 2


def test_side_bias_is_unknown_while_diffusion_stood_on_one_side_only() -> None:
    assert side_bias(Ballots.of(everyone(16, 16, Choice.A))).rate is None
    assert side_bias(Ballots.of([])).rate is None


def test_built_in_models_are_never_mixed_with_others() -> None:
    with pytest.raises(ValueError, match="never mixed"):
        Ballots.of([vote(1, 1, built_in=True), vote(2, 1)])


def test_a_second_vote_of_a_person_on_a_duel_is_refused() -> None:
    with pytest.raises(ValueError, match="one vote a duel"):
        Ballots.of([vote(1, 1), vote(2, 1), vote(1, 1, Choice.B)])
    assert len(Ballots.of([vote(1, 1), vote(1, 1, excluded=ExcludedReason.TOO_QUICK)])) == 1


def test_duels_within_one_mode_say_nothing_of_the_modes() -> None:
    same = [vote(d, p, a=AR, b=replace(AR, model="musicgen-medium")) for d in range(20) for p in range(12)]
    assert win_rate(Ballots.of(same)).counts.total == 0
    assert DIFFUSION not in Ballots.of(same).arms


@given(st.integers(MIN_PEOPLE, 60), st.integers(MIN_DUELS, 60))
@settings(max_examples=30, deadline=None)
def test_unanimity_is_exact_whatever_the_numbers(people: int, duels: int) -> None:
    found = win_rate(Ballots.of(everyone(people, duels, Choice.A)))
    assert found.rate == 1.0
    assert found.high == pytest.approx(1.0)
    assert found.effective_votes <= min(people, duels)
