from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.jobs.eta import FINISHING_SECONDS, first_guess, remaining_seconds, spoken, spoken_range
from tests.builders import recipe


def test_a_first_clip_takes_its_models_pace_and_the_finishing() -> None:
    assert first_guess(recipe(seconds=10), 0.5) == 5 + FINISHING_SECONDS


def test_progress_beats_the_pace() -> None:
    assert remaining_seconds(20.0, elapsed=30, fraction=0.75) == 10 + FINISHING_SECONDS
    # Of a clip that takes a moment, the end takes no longer.
    assert remaining_seconds(0.4, elapsed=0.1, fraction=0.5) < 0.4


@given(st.floats(0, 1e6), st.none() | st.floats(0, 1))
def test_something_is_always_left(elapsed: float, fraction: float | None) -> None:
    assert remaining_seconds(6.5, elapsed, fraction) > 0


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
