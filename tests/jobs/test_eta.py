from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.jobs.eta import FINISHING_SECONDS, remaining_seconds, render_seconds, spoken
from tests.builders import recipe


def half_real_time(_: object) -> float:
    return 0.5


def test_a_clip_takes_its_pace_and_the_finishing() -> None:
    assert render_seconds(recipe(seconds=10), half_real_time) == 5 + FINISHING_SECONDS


def test_progress_beats_the_pace() -> None:
    assert remaining_seconds(recipe(), half_real_time, elapsed=30, fraction=0.75) == 10 + FINISHING_SECONDS


@given(st.floats(0, 1e6), st.none() | st.floats(0, 1))
def test_something_is_always_left(elapsed: float, fraction: float | None) -> None:
    assert remaining_seconds(recipe(), half_real_time, elapsed, fraction) > 0


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "about 5 s"),
        (43, "about 45 s"),
        (89, "about 90 s"),
        (91, "about 2 min"),
        (5000, "about 83 min"),
        (7300, "about 2 h"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert spoken(seconds) == said
