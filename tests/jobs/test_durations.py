from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.jobs.durations import PRIOR_SLOWDOWN, expected_duration, learned_slowdown, slowed
from bot.store.clips import Pace

positive = st.floats(0.1, 600)


def affine(seconds: float) -> float:
    return 0.25 * seconds + 1.5


def test_nothing_known_is_the_prior_with_a_wide_range() -> None:
    guess = expected_duration([], 10, 8)
    assert guess.seconds == pytest.approx(8)
    assert guess.low < 6 < 10 < guess.high


@pytest.mark.parametrize("seconds", [5, 10, 30, 180])
def test_lengths_of_their_own_are_learned(seconds: float) -> None:
    """The time for each second of audio differs by length: a clip has a fixed cost beside."""
    rng = random.Random(3)
    lengths = [5, 10, 30, 180] * 30
    history = [Pace(length, affine(length) * rng.lognormvariate(0, 0.2)) for length in lengths]
    found = expected_duration(history, seconds, prior=seconds)
    assert found.seconds == pytest.approx(affine(seconds), rel=0.15)
    assert found.low < affine(seconds) < found.high
    # Four of five lie within ± 1.28 standard deviations.
    assert math.log(found.high / found.low) == pytest.approx(2 * 1.28 * 0.2, rel=0.5)


def test_a_clip_that_waited_for_its_model_decides_little() -> None:
    history = [Pace(10, 4)] * 9 + [Pace(10, 60)]
    assert expected_duration(history, 10, prior=4).seconds == pytest.approx(4, rel=0.01)
    assert expected_duration([Pace(10, 60)], 10, prior=4).seconds < 20


@given(
    st.lists(st.builds(Pace, positive, positive, st.floats(1, 8)), max_size=30),
    positive,
    positive,
    st.floats(0, 1.5),
)
def test_a_range_holds_its_median(history: list[Pace], seconds: float, prior: float, slowdown: float) -> None:
    found = expected_duration(history, seconds, prior, slowdown)
    assert 0 < found.low <= found.seconds * 1.000001
    assert found.seconds <= found.high * 1.000001


@pytest.mark.parametrize("slowdown", [0.0, 0.05, 0.3, 1.0])
def test_what_clips_cost_each_other_is_learned_from_those_that_met(slowdown: float) -> None:
    """Of an evening with one clip, several, and seldom eight at once, with a spread of 20 %."""
    rng = random.Random(5)
    history = []
    for _ in range(100):
        seconds, concurrency = rng.choice([5, 10, 30]), min(8, 1 + rng.expovariate(0.5))
        took = affine(seconds) * slowed(slowdown, concurrency) * rng.lognormvariate(0, 0.2)
        history.append(Pace(seconds, took, concurrency))
    found = learned_slowdown(history)
    assert found == pytest.approx(slowdown, rel=0.25, abs=0.05)
    for seconds in (5, 30):
        alone = expected_duration(history, seconds, affine(seconds), found).seconds
        assert alone == pytest.approx(affine(seconds), rel=0.15)


def test_what_clips_cost_each_other_is_a_prior_until_two_met() -> None:
    assert learned_slowdown([]) == learned_slowdown([Pace(10, 5)] * 50) == PRIOR_SLOWDOWN
    assert learned_slowdown([Pace(10, 5)] * 5 + [Pace(10, 5, 4.0)] * 5) == 0


def test_clips_that_all_met_as_many_are_expected_as_they_were() -> None:
    """How much is their own and how much the others' cannot be told, and does not matter for more of them."""
    history = [Pace(10, 40, 8.0)] * 30
    slowdown = learned_slowdown(history)
    alone = expected_duration(history, 10, 12, slowdown).seconds
    assert alone * slowed(slowdown, 8) == pytest.approx(40, rel=0.05)


def test_one_odd_clip_beside_others_teaches_little() -> None:
    history = [Pace(10, 5)] * 20 + [Pace(10, 5 * slowed(0.3, 4), 4.0)] * 8 + [Pace(10, 200, 2.0)]
    assert learned_slowdown(history) == pytest.approx(0.3)
