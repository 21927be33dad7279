"""Notes that fit neither scale nor chord are moved to the scale, and the rest stays."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engines.score.format import (
    CHORD,
    LEAD,
    ONSET,
    SCALE_NAMES,
    SCALES,
    Score,
    chord_token,
    note_of,
    note_token,
)
from bot.engines.score.tuning import TUNED, in_tune, outside
from training.compose import compose
from training.scenes import SCENES


def melody(*pitches: tuple[int, int], chord: tuple[int, str] | None = None) -> Score:
    """A score in major with notes of the lead, pairs of step and pitch, over one chord."""
    score = compose(SCENES[0], 8.0, np.random.default_rng(0)).score
    grid = np.zeros_like(score.grid)
    for step, pitch in pitches:
        grid[step, LEAD] = note_token(LEAD, pitch, 1)
    if chord is not None:
        grid[0, CHORD] = chord_token(*chord, 1)
    return replace(score, grid=grid, scale=SCALE_NAMES.index("major"))


def played(score: Score) -> list[int]:
    return [note_of(LEAD, int(token))[0] for token in score.grid[:, LEAD] if token >= ONSET]


def test_a_stranger_moves_to_the_nearest_note_of_the_scale() -> None:
    assert played(in_tune(melody((0, 0), (4, 6), (8, 0)))) == [0, 5, 0]


def test_a_note_of_the_chord_stays() -> None:
    assert played(in_tune(melody((0, 0), (4, 6), (8, 0), chord=(2, "")))) == [0, 6, 0]


@pytest.mark.parametrize(("step", "kept"), [(6, True), (8, True), (9, False)])
def test_a_passing_note_stays_where_the_next_comes_within_a_beat(step: int, kept: bool) -> None:
    assert played(in_tune(melody((0, 0), (4, 6), (step, 7)))) == [0, 6 if kept else 5, 7]


def test_a_note_that_leads_to_a_stranger_alone_does_not_stay() -> None:
    assert played(in_tune(melody((0, 0), (2, 9), (4, 10), (6, 6), (8, 0)))) == [0, 9, 9, 5, 0]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_tuning_twice_is_tuning_once_and_moves_strangers_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score = compose(SCENES[seed % len(SCENES)], 12.0, rng).score
    grid = score.grid.copy()
    for role in TUNED:
        for step in np.flatnonzero(grid[:, role] >= ONSET):
            if rng.random() < 0.3:
                pitch, level = note_of(role, int(grid[step, role]))
                grid[step, role] = note_token(role, pitch + int(rng.integers(-3, 4)), level)
    wrong = replace(score, grid=grid)
    tuned = in_tune(wrong)
    assert np.array_equal(in_tune(tuned).grid, tuned.grid)
    assert outside(tuned) <= outside(wrong)
    scale = SCALES[SCALE_NAMES[score.scale]]
    for role in range(5):
        changed = np.flatnonzero(tuned.grid[:, role] != grid[:, role])
        assert role in TUNED or not len(changed)
        for step in changed:
            before, after = (note_of(role, int(g[step, role])) for g in (grid, tuned.grid))
            assert before[0] % 12 not in scale
            assert after[0] % 12 in scale
            assert after[1] == before[1]
