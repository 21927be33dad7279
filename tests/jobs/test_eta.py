from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.jobs.eta import (
    FINISHING_SECONDS,
    Work,
    finish_times,
    first_guess,
    remaining_seconds,
    spoken,
    spoken_range,
)
from bot.recipe import Mode, ModelRef
from tests.builders import recipe

BATCHING, OTHER = ModelRef(Mode.AR, "batching"), ModelRef(Mode.DIFFUSION, "other")


def test_a_first_clip_takes_its_models_pace_and_the_finishing() -> None:
    assert first_guess(recipe(seconds=10), 0.5) == 5 + FINISHING_SECONDS


def test_progress_beats_the_pace() -> None:
    assert remaining_seconds(20.0, elapsed=30, fraction=0.75) == 10 + FINISHING_SECONDS
    # Of a clip that takes a moment, the end takes no longer.
    assert remaining_seconds(0.4, elapsed=0.1, fraction=0.5) < 0.4


@given(st.floats(0, 1e6), st.none() | st.floats(0, 1))
def test_something_is_always_left(elapsed: float, fraction: float | None) -> None:
    assert remaining_seconds(6.5, elapsed, fraction) > 0


def test_clips_for_one_model_share_its_slots() -> None:
    takes = [Work(BATCHING, 20, slots=4)] * 6
    assert finish_times([], takes, 1) == [20, 20, 20, 20, 40, 40]
    assert finish_times([], [Work(OTHER, 20)] * 3, 1) == [20, 40, 60]


def test_a_running_batch_takes_newcomers_into_its_free_slots() -> None:
    running = [Work(BATCHING, 10, slots=3), Work(BATCHING, 4, slots=3)]
    assert finish_times(running, [Work(BATCHING, 8, slots=3)] * 2, 1) == [10, 4, 8, 12]


def test_another_model_waits_for_the_whole_batch_and_nothing_is_filled_past_it() -> None:
    running = [Work(BATCHING, 10, slots=4), Work(BATCHING, 30, slots=4)]
    waiting = [Work(OTHER, 5), Work(BATCHING, 20, slots=4)]
    assert finish_times(running, waiting, 1) == [10, 30, 35, 55]


def test_a_running_clip_occupies_its_own_worker() -> None:
    running = [Work(OTHER, 50, worker=1)]
    assert finish_times(running, [Work(BATCHING, 10, slots=2)] * 3, 2) == [50, 10, 10, 20]


def test_a_clip_goes_to_the_worker_whose_whole_batch_ends_first() -> None:
    running = [Work(BATCHING, 10, 2), Work(BATCHING, 40, 2), Work(OTHER, 20, worker=1)]
    assert finish_times(running, [Work(OTHER, 5)], 2) == [10, 40, 20, 25]


def test_clips_beside_each_other_slow_each_other() -> None:
    """Two of 10 s at half more each: 15 s together; the one that is longer goes on alone."""
    both = [Work(BATCHING, 10, 2, 0.5), Work(BATCHING, 16, 2, 0.5)]
    assert finish_times([], both, 1) == pytest.approx([15, 21])
    assert finish_times(both, [], 1) == pytest.approx([15, 21])
    # The third waits for a slot, and keeps the second as slow as it was.
    assert finish_times([], [*both, Work(BATCHING, 6, 2, 0.5)], 1) == pytest.approx([15, 24, 24])


def test_a_newcomer_slows_the_clips_that_run() -> None:
    running = [Work(BATCHING, 20, 8, 0.25)]
    assert finish_times(running, [], 1) == [20]
    assert finish_times(running, [Work(BATCHING, 40, 8, 0.25)], 1) == pytest.approx([25, 45])


WORKS = st.lists(
    st.builds(
        Work, st.sampled_from([BATCHING, OTHER]), st.floats(0.1, 600), st.integers(1, 8), st.floats(0, 1.5)
    ),
    max_size=12,
)


@given(WORKS, WORKS, st.integers(1, 4))
def test_no_clip_is_done_before_its_own_time_or_after_all_are_done_in_turn(
    running: list[Work], waiting: list[Work], workers: int
) -> None:
    works = [*running, *waiting]
    found = finish_times(running, waiting, workers)
    assert len(found) == len(works)
    # Beside each other clips may take longer than in turn, by what the slowest costs the others.
    dearest = max((work.slowdown for work in works), default=0.0)
    in_turn = sum(work.seconds for work in works) * max(1.0, 1 + dearest * (len(works) - 1))
    for done, work in zip(found, works, strict=True):
        assert work.seconds - 1e-6 <= done <= in_turn + 1e-6


@given(
    st.lists(st.tuples(st.sampled_from([BATCHING, OTHER]), st.floats(0.1, 600)), max_size=12),
    st.integers(1, 4),
    st.integers(1, 8),
)
def test_slots_that_slow_nothing_never_make_a_queue_of_one_model_longer(
    clips: list[tuple[ModelRef, float]], workers: int, slots: int
) -> None:
    found = finish_times([], [Work(model, seconds, slots) for model, seconds in clips], workers)
    assert all(done >= seconds - 1e-6 for done, (_, seconds) in zip(found, clips, strict=True))
    alike = [(BATCHING, seconds) for _, seconds in clips]
    one = finish_times([], [Work(model, seconds) for model, seconds in alike], workers)
    several = finish_times([], [Work(model, seconds, slots) for model, seconds in alike], workers)
    assert all(b <= a + 1e-6 for a, b in zip(one, several, strict=True))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "a few seconds"),
        (4, "about 5 s"),
        (43, "about 45 s"),
        (89, "about 90 s"),
        (91, "about 2 min"),
        (5000, "about 83 min"),
        (7300, "about 2 h"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert spoken(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "low", "high", "said"),
    [
        (90, 60, 120, "1–2 min"),
        (30, 20, 40, "20–40 s"),
        (180, 170, 190, "about 3 min"),
        (1.4, 0.4, 2, "a few seconds"),
        (7000, 3000, 11_000, "1–3 h"),
    ],
)
def test_a_wide_range_is_said_as_one(seconds: float, low: float, high: float, said: str) -> None:
    assert spoken_range(seconds, low, high) == said
