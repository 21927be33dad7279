"""The models' strengths on each tag: pooled with the whole, and wide enough however much tags differ."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from benchmarks.arena_tags import coverage
from bot.arena.ballots import Ballots
from bot.arena.logistic import fit_posterior
from bot.arena.tag_ranking import rankings_by_tag
from bot.arena.votes import Arm
from bot.recipe import Mode
from tests.arena.community import DIFFUSION, vote


def test_a_tag_with_few_votes_is_ranked_near_the_whole() -> None:
    one, other, third = Arm(Mode.AR, "small"), Arm(Mode.AR, "large"), DIFFUSION
    most = [
        vote(d, p, a=one, b=(other, third)[d % 2], tags=("genre:jazz",)) for d in range(20) for p in range(8)
    ]
    few = [vote(100 + d, p, a=third, b=one, tags=("genre:lofi",)) for d in range(5) for p in range(5)]
    rankings = {found.tag: found for found in rankings_by_tag(Ballots.of([*most, *few]))}
    assert rankings["genre:jazz"].strengths[0].arm == one
    jazz, lofi = ({s.arm: s for s in rankings[tag].strengths} for tag in ("genre:jazz", "genre:lofi"))
    # All 25 votes on lofi are for the third, and yet the whole's winner is not far behind.
    assert lofi[third].strength > jazz[third].strength
    assert lofi[one].high > lofi[third].low
    assert lofi[third].wins == 25
    assert rankings_by_tag(Ballots.of(most[:24])) == (), "three duels are too few"


@pytest.mark.parametrize(("spread", "widest"), [(0.1, 0.33), (0.35, 0.42), (0.7, 0.5)])
def test_the_intervals_on_a_tag_cover_whether_tags_differ_little_or_much(
    spread: float, widest: float
) -> None:
    share, width = coverage(spread, 30)
    assert share >= 0.9
    assert width < widest


@pytest.mark.parametrize("sd", [0.2, 1.0])
def test_the_evidence_is_the_probability_of_the_outcomes_under_the_prior(sd: float) -> None:
    x, votes = np.array([[1.0], [-1.0]]), np.array([30.0, 18.0])
    fit = fit_posterior(x, votes, np.zeros(1), np.array([sd**-2.0]))
    # Of the likelihood as the fit has it: a product over votes, without the number of their orders.
    integral, _ = quad(
        lambda b: float(expit(b) ** 30 * expit(-b) ** 18 * norm.pdf(b, scale=sd)), -6, 6, epsabs=0
    )
    assert fit.log_evidence == pytest.approx(np.log(integral), abs=0.02)
