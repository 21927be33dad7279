from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.jobs.durations import expected_duration

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
    history = [(length, affine(length) * rng.lognormvariate(0, 0.2)) for length in lengths]
    found = expected_duration(history, seconds, prior=seconds)
    assert found.seconds == pytest.approx(affine(seconds), rel=0.15)
    assert found.low < affine(seconds) < found.high
    # Four of five lie within ± 1.28 standard deviations.
    assert math.log(found.high / found.low) == pytest.approx(2 * 1.28 * 0.2, rel=0.5)


def test_a_clip_that_waited_for_its_model_decides_little() -> None:
    history = [(10.0, 4.0)] * 9 + [(10.0, 60.0)]
    assert expected_duration(history, 10, prior=4).seconds == pytest.approx(4, rel=0.01)
    assert expected_duration([(10.0, 60.0)], 10, prior=4).seconds < 20


@given(st.lists(st.tuples(positive, positive), max_size=30), positive, positive)
def test_a_range_holds_its_median(history: list[tuple[float, float]], seconds: float, prior: float) -> None:
    found = expected_duration(history, seconds, prior)
    assert 0 < found.low <= found.seconds * 1.000001
    assert found.seconds <= found.high * 1.000001
