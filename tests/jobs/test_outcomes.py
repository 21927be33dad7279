"""What estimates from the queue came to, and the ranges that follow."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.jobs.durations import Duration
from bot.jobs.outcomes import FEWEST, MAX_BEFORE, Outcome, Outcomes

EXPECTED = Duration(100, 80, 120)


def outcomes(
    *took: float, expected: float = 100, before: int = 0, newcomer: bool = False, times: int = 1
) -> list[Outcome]:
    return [Outcome(newcomer, before, expected, seconds) for seconds in took * times]


def test_without_a_history_the_queue_is_believed() -> None:
    assert Outcomes().corrected(EXPECTED, 2, newcomer=False) == EXPECTED
    few = outcomes(300, times=FEWEST - 1)
    assert Outcomes(few).corrected(EXPECTED, 0, newcomer=False) == EXPECTED


def test_what_estimates_came_to_is_learned() -> None:
    found = Outcomes(outcomes(300, times=40)).corrected(EXPECTED, 0, newcomer=False)
    assert found.seconds == pytest.approx(300, rel=0.06)
    assert found.low == pytest.approx(found.seconds)
    assert found.high == pytest.approx(300)


def test_one_odd_job_decides_little() -> None:
    history = outcomes(100, times=15) + outcomes(5_000)
    assert Outcomes(history).corrected(EXPECTED, 0, newcomer=False).seconds == pytest.approx(100)


def test_members_with_more_waiting_jobs_and_newcomers_have_errors_of_their_own() -> None:
    history = outcomes(100, times=40) + outcomes(500, before=MAX_BEFORE + 3, times=40)
    history += outcomes(900, newcomer=True, times=40)
    known = Outcomes(history)
    found = [
        known.corrected(EXPECTED, before, newcomer=newcomer).seconds
        for before, newcomer in ((0, False), (MAX_BEFORE, False), (0, True))
    ]
    assert found == [pytest.approx(100), pytest.approx(500, rel=0.1), pytest.approx(900, rel=0.12)]


def test_a_class_with_few_jobs_is_taken_with_the_others() -> None:
    known = Outcomes(outcomes(300, times=40) + outcomes(300, newcomer=True, times=FEWEST - 1))
    assert known.corrected(EXPECTED, 2, newcomer=False).seconds == pytest.approx(300, rel=0.06)
    assert known.corrected(EXPECTED, 0, newcomer=True) == EXPECTED


def test_errors_of_similar_estimates_decide() -> None:
    known = Outcomes(outcomes(10, expected=10, times=60) + outcomes(4_000, expected=1_000, times=60))
    assert known.corrected(Duration(10, 9, 11), 0, newcomer=False).high == pytest.approx(10)
    assert known.corrected(Duration(1_000, 9, 11), 0, newcomer=False).seconds > 3_500


@pytest.mark.parametrize("spread", [0.2, 1.0])
def test_the_range_holds_four_of_five_of_what_comes_next(spread: float) -> None:
    """Whatever the ratio of the estimate to the truth is, and however wide it spreads."""
    rng = random.Random(8)

    def draw(count: int) -> list[Outcome]:
        made = []
        for _ in range(count):
            expected = rng.lognormvariate(4, 1)
            made.append(Outcome(False, 0, expected, expected * rng.lognormvariate(0.7, spread)))
        return made

    known = Outcomes(draw(1_000))
    held = [
        found.low <= one.took <= found.high
        for one in draw(2_000)
        for found in [known.corrected(Duration(one.expected, 0, 0), 0, newcomer=False)]
    ]
    assert 0.8 <= sum(held) / len(held) <= 0.9


OUTCOMES = st.lists(
    st.builds(Outcome, st.booleans(), st.integers(0, 5), st.floats(0.1, 1e5), st.floats(0.1, 1e5)),
    max_size=60,
)


@given(OUTCOMES, st.floats(0, 1e5), st.integers(0, 9), st.booleans())
def test_a_range_holds_its_estimate(
    history: list[Outcome], seconds: float, before: int, newcomer: bool
) -> None:
    expected = Duration(seconds, seconds / 2, seconds * 2)
    found = Outcomes(history).corrected(expected, before, newcomer=newcomer)
    assert 0 <= found.low <= found.seconds <= found.high
