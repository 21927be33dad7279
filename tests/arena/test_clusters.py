import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from bot.arena.clusters import clustered_contrast, clustered_mean
from bot.arena.wilson import wilson_interval

Design = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@st.composite
def designs(draw: st.DrawFn) -> Design:
    """y in {0, 1}, a ±1 column that is constant within a duel, person and duel codes, some pairs missing."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    people, duels = draw(st.integers(4, 9)), draw(st.integers(4, 9))
    met = rng.random((people, duels)) < draw(st.floats(0.4, 1.0))
    met[np.arange(4), np.arange(4)] = met[0, :] = met[:, 0] = True
    person, duel = np.nonzero(met)
    side = np.where(np.arange(duels) % 2, 1.0, -1.0)[duel]
    y = (rng.random(len(person)) < 0.5).astype(float)
    y[:2] = 0, 1
    return y, side, person, duel


@given(designs())
@settings(max_examples=40, deadline=None)
def test_the_plain_robust_variance_is_that_of_statsmodels(design: Design) -> None:
    y, side, person, duel = design
    for x in (np.ones((len(y), 1)), np.stack([np.ones(len(y)), side], axis=1)):
        theirs = sm.OLS(y, x).fit(
            cov_type="cluster",
            cov_kwds={"groups": np.stack([person, duel], axis=1), "use_correction": False},
        )
        ours = clustered_contrast(x, y, np.eye(x.shape[1])[0], person, duel)
        assert ours.value == pytest.approx(theirs.params[0], abs=1e-9)
        assert ours.robust == pytest.approx(theirs.cov_params()[0, 0], abs=1e-9)


def dense_variances(design: Design, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """The moment equations written with whole matrices: the three variances (maybe negative) and h."""
    y, side, person, duel = design
    n = len(y)
    x = np.stack([np.ones(n), side], axis=1)[:, :columns]
    residuals = np.eye(n) - x @ np.linalg.solve(x.T @ x, x.T)
    h = x @ np.linalg.inv(x.T @ x)[:, 0]
    same = [np.equal.outer(person, person) * 1.0, np.equal.outer(duel, duel) * 1.0, np.eye(n)]
    forms = [residuals @ (np.outer(h, h) * one) @ residuals for one in same]
    expected = np.array([[np.trace(form @ one) for one in same] for form in forms])
    return np.linalg.solve(expected, [y @ form @ y for form in forms]), h


@given(designs(), st.sampled_from([1, 2]))
@settings(max_examples=60, deadline=None)
def test_the_variances_solve_the_moment_equations_written_out(design: Design, columns: int) -> None:
    y, side, person, duel = design
    variances, h = dense_variances(design, columns)
    x = np.stack([np.ones(len(y)), side], axis=1)[:, :columns]
    ours = clustered_contrast(x, y, np.eye(columns)[0], person, duel)
    if (variances[:2] >= 0).all() and variances[2] > 0:
        found = ours.spread
        assert [found.person, found.duel, found.vote] == pytest.approx(variances, abs=1e-8)
        same_person, same_duel = np.equal.outer(person, person), np.equal.outer(duel, duel)
        whole = variances[0] * h @ same_person @ h + variances[1] * h @ same_duel @ h + variances[2] * h @ h
        residual = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
        independent = residual @ residual / (len(y) - columns) * (h @ h)
        assert ours.variance == pytest.approx(max(whole, independent), abs=1e-9)
    else:
        assert min(ours.spread.person, ours.spread.duel, ours.spread.vote) >= 0


def test_the_variance_is_right_on_average_where_the_plain_one_is_too_small() -> None:
    rng = np.random.default_rng(3)
    person, duel = (codes.ravel() for codes in np.indices((8, 8)))
    found = []
    for _ in range(1000):
        y = rng.normal(size=8)[person] + rng.normal(size=8)[duel] + rng.normal(size=64)
        fit = clustered_mean(y, person, duel)
        found.append((fit.value, fit.variance, fit.robust))
    value, variance, robust = np.array(found).T
    truth = 1 / 8 + 1 / 8 + 1 / 64
    assert value.var() == pytest.approx(truth, rel=0.1)
    assert variance.mean() == pytest.approx(truth, rel=0.05)
    assert robust.mean() < 0.92 * truth


def test_one_vote_a_person_is_told_like_independent_votes() -> None:
    y = np.tile([0.0, 1.0, 1.0, 0.0], 10)
    fit = clustered_mean(y, np.arange(40), np.arange(40))
    assert fit.variance == pytest.approx(0.25 / 39)


@given(st.integers(0, 50), st.integers(1, 50))
@settings(deadline=None)
def test_wilson_is_that_of_statsmodels(wins: int, losses: int) -> None:
    votes = wins + losses
    theirs = proportion_confint(wins, votes, method="wilson")
    assert wilson_interval(wins / votes, votes, 1.959963984540054) == pytest.approx(theirs, abs=1e-9)
