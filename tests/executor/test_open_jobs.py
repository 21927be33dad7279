"""The jobs that an engine has taken, and how many were rendered at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.executor.open_jobs import OpenJobs
from bot.executor.protocol import Render
from tests.builders import recipe

STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "end", "wait"]), st.integers(0, 5), st.floats(0.1, 10)), max_size=30
)


def render(number: int) -> Render:
    return Render(number, recipe(), "clip.mp3", 1)


def test_a_clip_beside_another_for_a_part_of_its_time() -> None:
    now = 0.0
    jobs = OpenJobs(lambda: now)
    jobs.begin(render(1))
    now = 6
    jobs.begin(render(2))
    assert jobs.concurrency(2) == 2, "in the moment of its beginning"
    now = 8
    assert jobs.concurrency(1) == pytest.approx((6 * 1 + 2 * 2) / 8)
    assert jobs.concurrency(2) == 2
    assert jobs.end(1) == render(1)
    now = 10
    assert jobs.concurrency(2) == pytest.approx((2 * 2 + 2 * 1) / 4)
    assert (jobs.seconds(2), 1 in jobs, len(jobs)) == (4, False, 1)
    assert jobs.end(1) is None


@given(STEPS)
def test_the_mean_is_what_adding_up_each_moment_says(steps: list[tuple[str, int, float]]) -> None:
    now = 0.0
    jobs = OpenJobs(lambda: now)
    begun: dict[int, list[tuple[float, int]]] = {}
    for what, number, seconds in steps:
        if what == "begin" and number not in jobs:
            jobs.begin(render(number))
            begun[number] = []
        elif what == "end":
            jobs.end(number)
            begun.pop(number, None)
        elif what == "wait":
            now += seconds
            for moments in begun.values():
                moments.append((seconds, len(begun)))
    assert [one.job_id for one in jobs.renders()] == list(begun)
    for number, moments in begun.items():
        elapsed = sum(seconds for seconds, _ in moments)
        if elapsed:
            mean = sum(seconds * count for seconds, count in moments) / elapsed
            assert jobs.concurrency(number) == pytest.approx(mean)
        else:
            assert jobs.concurrency(number) == len(begun)
