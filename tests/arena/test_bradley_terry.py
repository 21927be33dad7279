from random import Random

import evalica
import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from bot.arena.ballots import Ballots
from bot.arena.bradley_terry import fit, strengths
from bot.arena.clusters import quantile
from bot.arena.votes import Arm, Choice, Vote
from bot.recipe import Mode
from tests.arena.community import AR, DIFFUSION, vote, vote_lists

MODELS = [
    Arm(Mode.AR, "small"),
    Arm(Mode.AR, "medium"),
    Arm(Mode.DIFFUSION, "ace"),
    Arm(Mode.DIFFUSION, "sao"),
]
TRUTH = np.array([-0.6, -0.1, 0.5, 0.2])


def ranking(people: int, duels: int, seed: int, taste: float = 0.5, clip: float = 0.5) -> list[Vote]:
    rng = np.random.default_rng(seed)
    tastes = rng.normal(scale=taste, size=(people, 4))
    found = []
    for duel in range(duels):
        a, b = rng.choice(4, 2, replace=False)
        luck = rng.normal(scale=clip)
        for voter in rng.choice(people, 6, replace=False):
            chance = expit(TRUTH[a] - TRUTH[b] + tastes[voter, a] - tastes[voter, b] + luck)
            choice = Choice.A if rng.random() < chance else Choice.B
            found.append(vote(duel, int(voter), choice, a=MODELS[a], b=MODELS[b]))
    return found


@st.composite
def tournaments(draw: st.DrawFn) -> np.ndarray:
    """Wins of row over column in which everybody beat and lost to somebody, in one circle at least."""
    m = draw(st.integers(2, 6))
    wins = np.array(
        draw(st.lists(st.lists(st.integers(0, 30), min_size=m, max_size=m), min_size=m, max_size=m))
    )
    wins[np.arange(m), (np.arange(m) + 1) % m] += 1
    wins[(np.arange(m) + 1) % m, np.arange(m)] += 1
    np.fill_diagonal(wins, 0)
    return wins.astype(float)


def games(wins: np.ndarray) -> tuple[list[int], list[int]]:
    pairs = [(i, j) for (i, j), n in np.ndenumerate(wins) for _ in range(int(n))]
    return [i for i, _ in pairs], [j for _, j in pairs]


@given(tournaments())
@settings(max_examples=40, deadline=None)
def test_strengths_are_those_of_evalica(wins: np.ndarray) -> None:
    winner, loser = games(wins)
    theirs = evalica.bradley_terry(
        winner, loser, [evalica.Winner.X] * len(winner), tolerance=1e-14, limit=1_000_000
    ).scores
    logs = np.log(theirs.loc[range(len(wins))].to_numpy())
    assert fit(wins)[0] == pytest.approx(logs - logs.mean(), abs=1e-6)


@given(tournaments())
@settings(max_examples=30, deadline=None)
def test_strengths_and_their_errors_are_those_of_a_logistic_regression(wins: np.ndarray) -> None:
    winner, loser = games(wins)
    m = len(wins)
    x = np.eye(m)[winner] - np.eye(m)[loser]
    # Half the rows turned round, since a regression wants both outcomes.
    sign = np.where(np.arange(len(x)) % 2, 1, -1)
    theirs = sm.GLM((sign > 0) * 1.0, (x * sign[:, None])[:, 1:], family=sm.families.Binomial()).fit(
        tol=1e-14
    )
    theta, inverse = fit(wins)
    assert theta - theta[0] == pytest.approx(np.append(0, theirs.params), abs=1e-6)
    contrast = np.delete(np.eye(m) - np.eye(m)[0], 0, axis=0)
    assert contrast @ inverse @ contrast.T == pytest.approx(theirs.cov_params(), rel=1e-5, abs=1e-6)


def test_the_interval_is_the_two_way_cluster_robust_one() -> None:
    votes = ranking(40, 90, 2, taste=1.5)
    ballots = Ballots.of(votes)
    x = np.eye(4)[ballots.arm_a] - np.eye(4)[ballots.arm_b]
    y = (ballots.choice == 0) * 1.0

    def covariance(**how: object) -> np.ndarray:
        return np.asarray(sm.Logit(y, x[:, 1:]).fit(disp=False, tol=1e-14, **how).cov_params())

    def clustered(codes: np.ndarray) -> np.ndarray:
        g = len(np.unique(codes))
        one_way = covariance(cov_type="cluster", cov_kwds={"groups": codes, "use_correction": False})
        return one_way * g / (g - 1)

    whole = clustered(ballots.voter) + clustered(ballots.duel) - covariance(cov_type="HC0")
    centre = (np.eye(4) - 0.25)[:, 1:]
    error = np.sqrt(np.diag(centre @ whole @ centre.T))
    t = quantile(min(len(np.unique(ballots.voter)), len(np.unique(ballots.duel))) - 1)
    found = {one.arm: one for one in strengths(ballots)}
    for i, arm in enumerate(ballots.arms):
        assert (found[arm].high - found[arm].low) / 2 == pytest.approx(t * error[i], abs=1e-6)


def test_with_two_arms_it_is_the_logit_of_the_win_rate() -> None:
    votes = [vote(d, p, Choice.A if (d + p) % 3 else Choice.B) for d in range(20) for p in range(20)]
    share = sum(v.choice is Choice.A for v in votes) / len(votes)
    best, worst = strengths(Ballots.of(votes))
    assert best.arm == DIFFUSION
    assert worst.arm == AR
    assert best.strength - worst.strength == pytest.approx(logit(share))


def test_known_strengths_are_recovered_in_order() -> None:
    # Tastes and luck would draw the strengths of the average listener towards 0, so there is little here.
    found = strengths(Ballots.of(ranking(80, 500, 1, taste=0.1, clip=0.1)))
    assert [one.arm.model for one in found] == ["ace", "sao", "medium", "small"]
    for one in found:
        assert one.low < TRUTH[MODELS.index(one.arm)] < one.high


def test_an_arm_that_never_lost_is_left_out_rather_than_given_a_number() -> None:
    unbeaten = Arm(Mode.DIFFUSION, "unbeaten")
    votes = ranking(30, 60, 3) + [vote(1000 + d, 1, a=unbeaten, b=MODELS[0]) for d in range(30)]
    assert {one.arm for one in strengths(Ballots.of(votes))} == set(MODELS)


@pytest.mark.parametrize("votes", [[], [vote(1, 1)], [vote(1, p, Choice.BOTH_BAD) for p in range(20)]])
def test_without_two_arms_that_beat_each_other_there_is_no_ranking(votes: list[Vote]) -> None:
    assert strengths(Ballots.of(votes)) == ()


def test_too_few_people_get_no_interval() -> None:
    found = strengths(Ballots.of(ranking(8, 60, 4)))
    assert found
    assert not any(one.known for one in found)
    assert all(one.low == -np.inf and one.high == np.inf for one in found)


def test_no_finite_strengths_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="never won"):
        fit(np.array([[0.0, 3.0], [0.0, 0.0]]))


@given(vote_lists(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_votes_is_irrelevant(votes: list[Vote], random: Random) -> None:
    assert strengths(Ballots.of(votes)) == strengths(Ballots.of(random.sample(votes, len(votes))))
