from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from bot.arena.auto import FEATURE_SD, INTERCEPT_SD, mode_probabilities, preference
from bot.arena.ballots import Ballots
from bot.arena.votes import Choice, Vote
from bot.arena.winrate import win_rate
from bot.recipe import Mode
from tests.arena.community import vote, vote_lists


def split(rates: dict[str, float], people: int = 20, duels: int = 15) -> list[Vote]:
    rng = np.random.default_rng(2)
    return [
        vote(i * duels + d, p, Choice.A if rng.random() < rate else Choice.B, tags=(tag,))
        for i, (tag, rate) in enumerate(rates.items())
        for d in range(duels)
        for p in range(people)
    ]


def test_without_votes_the_modes_are_even() -> None:
    assert mode_probabilities([], ["genre:jazz"], 10) == {Mode.AR: 0.5, Mode.DIFFUSION: 0.5}


def test_each_prompt_gets_the_mode_its_tags_were_won_by() -> None:
    votes = split({"genre:jazz": 0.8, "genre:techno": 0.25})
    assert mode_probabilities(votes, ["genre:jazz"], 10)[Mode.DIFFUSION] > 0.65
    assert mode_probabilities(votes, ["genre:techno"], 10)[Mode.AR] > 0.65
    unknown = mode_probabilities(votes, ["genre:polka"], 10)[Mode.DIFFUSION]
    assert 0.4 < unknown < 0.65


def test_four_votes_move_it_little() -> None:
    votes = [vote(d, d, tags=("genre:polka",)) for d in range(4)]
    assert 0.5 < mode_probabilities(votes, ["genre:polka"], 10)[Mode.DIFFUSION] < 0.75


def test_the_fit_is_the_posterior_mode() -> None:
    votes = split({"genre:jazz": 0.8, "genre:techno": 0.25})
    ballots = Ballots.of(votes)
    rate = win_rate(ballots)
    weight = min(1.0, rate.effective_votes / rate.counts.decisive)
    x = np.array([[1, v.tags == ("genre:jazz",), v.tags == ("genre:techno",), 1] for v in votes], dtype=float)
    y = np.array([v.choice is Choice.A for v in votes], dtype=float)
    sd = np.array([INTERCEPT_SD, FEATURE_SD, FEATURE_SD, FEATURE_SD])

    def loss(beta: np.ndarray) -> float:
        logit = x @ beta
        return float(weight * (np.logaddexp(0, logit) - y * logit).sum() + 0.5 * ((beta / sd) ** 2).sum())

    theirs = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-9}).x
    found = preference(ballots)
    ours = [found.intercept, *(found.weights[name] for name in ("genre:jazz", "genre:techno", "up to 10 s"))]
    assert ours == pytest.approx(theirs, abs=1e-5)


@given(
    vote_lists(),
    st.lists(st.text(max_size=20), max_size=4),
    st.floats(0.1, 600),
    st.randoms(use_true_random=False),
)
@settings(max_examples=25, deadline=None)
def test_it_is_a_probability_whatever_the_votes_and_their_order(
    votes: list[Vote], tags: list[str], seconds: float, random: Random
) -> None:
    found = mode_probabilities(votes, tags, seconds)
    assert found.keys() == set(Mode)
    assert sum(found.values()) == pytest.approx(1)
    assert min(found.values()) > 0
    assert found == mode_probabilities(random.sample(votes, len(votes)), reversed(tags), seconds)
