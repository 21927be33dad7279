"""A score begins on its first beat and has no empty bar, whatever a model wrote."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engines.score import MODELS
from bot.engines.score.bank import SAMPLE_RATE, Bank
from bot.engines.score.format import DRUMS, HOLD, LEAD, ONSET, REST, Score, repaired
from bot.engines.score.notes import Note
from bot.engines.score.programs import PROGRAM_ID, PROGRAMS, RINGING
from bot.engines.score.sampler import Sampler
from bot.engines.score.silence import SOUND, _sounding_until, without_dead_notes, without_silence
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


def longest_gap(score: Score) -> int:
    """Return the most sixteenths in a row in which nothing is heard, by the same account of ringing."""
    heard = np.zeros(len(score.grid) + 1000, bool)
    for step, row in enumerate(score.grid):
        for role in np.flatnonzero(row >= SOUND):
            heard[step : _sounding_until(score.grid, score, step, int(role))] = True
    quiet = np.concatenate([[False], ~heard[: len(score.grid)], [False]])
    edges = np.flatnonzero(np.diff(quiet.astype(int)))
    return int(np.max(edges[1::2] - edges[::2], initial=0))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 100))
def test_nothing_is_silent_for_longer_than_half_a_bar(seed: int, held: int) -> None:
    rng = np.random.default_rng(seed)
    score = compose(SCENES[seed % len(SCENES)], 12.0, rng).score
    grid = score.grid.copy()
    for role in range(5):
        lost = rng.random(len(grid)) < held / 100
        grid[lost, role] = HOLD if role != DRUMS and rng.random() < 0.5 else REST
    whole = without_silence(replace(score, grid=grid))
    mended = without_dead_notes(whole)
    assert longest_gap(mended) <= score.steps_per_bar // 2
    assert np.array_equal(without_dead_notes(mended).grid, mended.grid)
    struck = (whole.grid >= SOUND) & (mended.grid != whole.grid)
    assert not struck.any(), "what was struck before is struck as it was"
    assert np.array_equal(repaired(mended).grid, mended.grid)


def test_a_plucked_note_that_is_held_is_struck_again_and_a_bowed_one_lasts() -> None:
    score = compose(SCENES[0], 12.0, np.random.default_rng(0)).score
    grid, programs = np.full_like(score.grid, REST), np.zeros_like(score.programs)
    grid[:, LEAD] = HOLD
    grid[0, LEAD] = ONSET + 40
    for name, again in (("kalimba", True), ("slow strings", False)):
        programs[:, LEAD] = PROGRAM_ID[name]
        mended = without_dead_notes(replace(score, grid=grid, programs=programs))
        bar = mended.grid[: score.steps_per_bar, LEAD]
        assert (bar == ONSET + 40).sum() == (2 if again else 1), name


def test_the_seconds_that_instruments_ring_are_those_of_the_sounds() -> None:
    sampler = Sampler(Bank(MODELS / "sounds"))
    for name in ("kalimba", "pizzicato strings", "harp", "piano", "koto", "slow strings", "warm pad"):
        program = PROGRAMS[PROGRAM_ID[name]]
        heard = []
        for part in (0.25, 0.5, 0.75):
            pitch = round(program.low + part * (program.high - program.low))
            note = Note(0.0, 4.0, pitch, 0.7, LEAD, PROGRAM_ID[name])
            wave = sampler.dry([note], [], 4 * SAMPLE_RATE)[0]
            level = np.sqrt(np.mean(wave.reshape(200, -1) ** 2, 1))
            heard.append((np.flatnonzero(level > 0.03 * level.max())[-1] + 1) / 50)
        assert min(heard) == pytest.approx(RINGING.get(name, 4.0), abs=0.25), name
