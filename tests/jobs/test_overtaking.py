"""How much later requests delay a clip, learned from jobs that were claimed."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.jobs.overtaking import FEWEST, Claimed, Overtaking, Wait, _overtaken


def learned(jobs: list[Claimed], parallel: int = 1) -> Overtaking:
    return Overtaking(sorted(jobs, key=lambda job: -job.created_at), parallel)


def overtaken_jobs(count: int, *, times: int = 2, user: int = 100, newcomer: bool = False) -> list[Claimed]:
    """Return jobs that each waited for 100 s of work before them and `times` as much that came later."""
    jobs = []
    for number in range(count):
        at = number * 10_000.0
        jobs.append(Claimed(user + number, newcomer, at, at + 100 * (1 + times), 10))
        jobs += [Claimed(1_000 + number, False, at + 1 + n, at + 100 * (1 + n), 100) for n in range(times)]
    return jobs


def test_without_a_history_a_clip_waits_for_what_is_before_it() -> None:
    assert Overtaking().wait(80, 2, newcomer=False) == Wait(80, 80, 80)
    assert learned(overtaken_jobs(FEWEST - 1)).wait(100, 0, newcomer=True) == Wait(100, 100, 100)


def test_what_came_later_and_went_first_is_learned() -> None:
    """Half of the jobs of the class waited three times as long as the queue said, the others were first."""
    jobs = [job for job in overtaken_jobs(40, newcomer=True) if job.newcomer or job.user_id >= 1_000]
    wait = learned(jobs).wait(100, 0, newcomer=True)
    assert wait.seconds == pytest.approx(300, rel=0.05)
    assert wait.low == pytest.approx(300, rel=0.05)


def test_a_job_that_begins_at_once_is_not_delayed() -> None:
    assert learned(overtaken_jobs(40, newcomer=True)).wait(0.5, 0, newcomer=True).seconds == 0.5


def test_classes_do_not_learn_from_each_other() -> None:
    history = learned(overtaken_jobs(40, newcomer=True))
    assert history.wait(100, 1, newcomer=True) == Wait(100, 100, 100)
    assert history.wait(100, 2, newcomer=False) == Wait(100, 100, 100)


def test_members_with_more_waiting_jobs_wait_longer() -> None:
    """A member's second job waits for what others ask meanwhile; the first does not."""
    jobs = []
    for number in range(30):
        at = number * 10_000.0
        jobs.append(Claimed(1, False, at, at + 100, 100))
        jobs.append(Claimed(1, False, at + 1, at + 500, 100))
        jobs += [Claimed(50 + n, False, at + 100 + n, at + 200 + n * 100, 100) for n in range(3)]
    history = learned(jobs)
    assert history.wait(100, 0, newcomer=False).seconds < 120
    assert history.wait(200, 1, newcomer=False).seconds == pytest.approx(500, rel=0.1)


def test_beside_other_workers_a_later_clip_delays_by_its_share() -> None:
    jobs = overtaken_jobs(40, newcomer=True)
    alone, beside = (learned(jobs, parallel).wait(100, 0, newcomer=True).seconds for parallel in (1, 4))
    assert beside < alone / 1.5


def test_a_range_holds_what_the_history_holds() -> None:
    rng = random.Random(4)
    jobs = []
    for number in range(200):
        at, times = number * 10_000.0, rng.randint(0, 4)
        jobs.append(Claimed(number, True, at, at + 100 * (1 + times), 10))
        jobs += [Claimed(1_000 + n, False, at + 1 + n, at + 100 * (1 + n), 100) for n in range(times)]
    wait = learned(jobs).wait(100, 0, newcomer=True)
    assert (round(wait.low, -1), round(wait.high, -1)) == (100, 500)
    assert 200 <= wait.seconds <= 400


JOBS = st.lists(
    st.builds(
        lambda user, at, waited, seconds: Claimed(user, False, at, at + waited, seconds),
        st.integers(0, 3),
        st.integers(0, 50),
        st.integers(0, 50),
        st.integers(1, 9),
    ),
    max_size=30,
)


@given(JOBS)
def test_the_overtaken_seconds_are_those_of_a_plain_sum(jobs: list[Claimed]) -> None:
    # Jobs that were claimed at the same moment are ordered as they are listed; the newest request is first.
    order = sorted(range(len(jobs)), key=lambda one: jobs[one].claimed_at)
    expected = [0.0] * len(jobs)
    for place, index in enumerate(order):
        expected[index] = sum(jobs[other].seconds for other in order[:place] if other < index)
    assert _overtaken(jobs) == pytest.approx(expected)


@given(JOBS, st.floats(0, 1e5), st.integers(0, 9), st.integers(1, 9))
def test_nobody_waits_for_less_than_is_before_them(
    jobs: list[Claimed], known: float, before: int, parallel: int
) -> None:
    wait = learned(jobs * 3, parallel).wait(known, before, newcomer=False)
    assert known <= wait.low <= wait.seconds + 1e-6
    assert wait.seconds <= wait.high + 1e-6
