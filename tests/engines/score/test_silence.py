"""A score begins on its first beat and has no empty bar, whatever a model wrote."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engines.score.format import DRUMS, LEAD, ONSET, REST, Score
from bot.engines.score.silence import SOUND, without_silence
from training.compose import compose
from training.scenes import SCENES


def sounding(score: Score, first: int, last: int) -> bool:
    return bool((score.grid[first:last] >= SOUND).any())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 100))
def test_the_first_beat_sounds_and_no_bar_is_empty(seed: int, emptied: int) -> None:
    rng = np.random.default_rng(seed)
    score = compose(SCENES[seed % len(SCENES)], 12.0, rng).score
    bars = len(score.programs)
    for bar in range(bars):
        if rng.random() < emptied / 100 and bar != bars // 2:
            score.grid[bar * score.steps_per_bar : (bar + 1) * score.steps_per_bar] = REST
    whole = without_silence(score)
    if not sounding(score, 0, len(score.grid)):
        return
    assert sounding(whole, 0, 1)
    for start in range(0, len(whole.grid), whole.steps_per_bar):
        assert (whole.grid[start : start + whole.steps_per_bar] > REST).any()


@pytest.mark.parametrize("role", [LEAD, DRUMS])
def test_the_earliest_note_of_the_first_bar_moves_to_the_first_beat(role: int) -> None:
    score = compose(SCENES[0], 8.0, np.random.default_rng(0)).score
    grid, programs = np.zeros_like(score.grid), np.zeros_like(score.programs)
    programs[:, role] = 1
    grid[3, role] = ONSET + 5
    whole = without_silence(replace(score, grid=grid, programs=programs))
    assert whole.grid[0, role] == ONSET + 5
    assert grid[0, role] == REST, "the score given stays as it was"


@pytest.mark.parametrize("role", range(5))
def test_a_score_without_any_note_gets_its_tonic(role: int) -> None:
    score = compose(SCENES[0], 8.0, np.random.default_rng(0)).score
    programs = np.zeros_like(score.programs)
    programs[:, role] = 1
    whole = without_silence(replace(score, grid=np.zeros_like(score.grid), programs=programs))
    assert whole.grid[0, role] >= SOUND[role]
    assert not np.delete(whole.grid, role, axis=1).any()
