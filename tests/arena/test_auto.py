from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from bot.arena.auto import COACH_LOGITS, Advice, choose, posterior
from bot.arena.ballots import Ballots
from bot.arena.contexts import FEATURE_SD, MODE_SD, MODEL_SD
from bot.arena.power import PLANNED_DESIGN_EFFECT
from bot.arena.votes import Arm, Choice, Vote
from bot.recipe import Mode
from tests.arena.community import AR, DIFFUSION, vote, vote_lists

NEUTRAL = Advice(Mode.AR, 0.0, "nothing speaks for either")
FOR_AR = Advice(Mode.AR, 1.0, "“melody” suits ar")
ARMS = (AR, DIFFUSION)
seeds = st.integers(0, 2**31)


def split(rates: dict[str, float], people: int = 20, duels: int = 15) -> list[Vote]:
    rng = np.random.default_rng(2)
    return [
        vote(i * duels + d, p, Choice.A if rng.random() < rate else Choice.B, tags=(tag,))
        for i, (tag, rate) in enumerate(rates.items())
        for d in range(duels)
        for p in range(people)
    ]


def share(votes: list[Vote], tags: list[str], advice: Advice = NEUTRAL, draws: int = 300) -> float:
    """Return how often diffusion is drawn."""
    found = posterior(Ballots.of(votes), ARMS, tags, 10, advice).draw(0, draws).argmax(axis=1)
    return float((found == sorted(ARMS).index(DIFFUSION)).mean())


def test_without_votes_the_coach_is_the_prior() -> None:
    assert share([], ["genre:jazz"]) == pytest.approx(0.5, abs=0.1)
    assert 0.1 < share([], ["genre:jazz"], FOR_AR) < 0.4
    found = posterior(Ballots.of([]), ARMS, ["genre:jazz", "mood:calm"], 10, FOR_AR)
    assert found.mean[0] - found.mean[1] == pytest.approx(COACH_LOGITS)
    chosen = choose([], ARMS, [], 10, FOR_AR, 3)
    assert "no votes on this yet" in chosen.reason


def test_each_prompt_gets_what_its_tags_were_won_by_and_votes_replace_the_coach() -> None:
    votes = split({"genre:jazz": 0.8, "genre:techno": 0.25})
    assert share(votes, ["genre:jazz"], FOR_AR) > 0.85
    assert share(votes, ["genre:techno"]) < 0.15
    assert 0.2 < share(votes, ["genre:polka"]) < 0.8


def test_four_votes_leave_it_open() -> None:
    votes = [vote(d, d, tags=("genre:polka",)) for d in range(4)]
    assert 0.6 < share(votes, ["genre:polka"], draws=20_000) < 0.9


def test_the_reason_counts_the_votes_on_the_tag() -> None:
    votes = split({"genre:lofi": 0.8}, people=10, duels=2)
    wins = sum(v.choice is Choice.A for v in votes)
    for seed in range(40):
        chosen = choose(votes, ARMS, ["genre:lofi"], 10, NEUTRAL, seed)
        won, lost = wins, 20 - wins
        if chosen.arm == DIFFUSION:
            assert chosen.reason == f"20 votes on lofi here, {won} to {lost} for diffusion"
        else:
            assert chosen.reason.startswith(f"20 votes on lofi here, {won} to {lost} against ar")


def test_a_model_of_the_same_mode_is_told_by_name() -> None:
    one, other = Arm(Mode.AR, "small"), Arm(Mode.AR, "large")
    votes = [vote(d, p, a=one, b=other) for d in range(12) for p in range(16)]
    drawn = [choose(votes, [one, other], [], 10, NEUTRAL, seed) for seed in range(30)]
    assert sum(found.arm == one for found in drawn) > 24
    assert "192 votes here, 192 to 0 for small" in {found.reason for found in drawn}


def test_the_fit_is_the_posterior_mode() -> None:
    votes = [vote(d, 0, Choice.A if d % 3 else Choice.B, tags=("genre:jazz",)) for d in range(9)]
    won = sum(v.choice is Choice.A for v in votes)
    variance = 2 * (MODE_SD**2 + MODEL_SD**2 + 4 * FEATURE_SD**2)

    def loss(logit: np.ndarray) -> float:
        z = logit[0]
        likelihood = won * np.logaddexp(0, -z) + (9 - won) * np.logaddexp(0, z)
        return float(likelihood / PLANNED_DESIGN_EFFECT + 0.5 * z**2 / variance)

    theirs = minimize(loss, np.zeros(1), method="BFGS", options={"gtol": 1e-9}).x[0]
    found = posterior(Ballots.of(votes), ARMS, ["genre:jazz"], 10, NEUTRAL)
    at = dict(zip(found.arms, found.mean.tolist(), strict=True))
    assert at[DIFFUSION] - at[AR] == pytest.approx(theirs, abs=1e-5)


@settings(max_examples=30)
@given(
    vote_lists(), st.lists(st.sampled_from(["genre:jazz", "mood:calm"]), unique=True), st.integers(0, 2**31)
)
def test_the_choice_depends_on_the_seed_and_not_on_the_order_of_votes(
    votes: list[Vote], tags: list[str], seed: int
) -> None:
    chosen = choose(votes, ARMS, tags, 10, FOR_AR, seed)
    mixed = Random(seed).sample(votes, len(votes))
    assert chosen == choose(mixed, ARMS, list(reversed(tags)), 10, FOR_AR, seed)
    assert chosen.arm in ARMS
    assert 0 <= chosen.probability <= 1
