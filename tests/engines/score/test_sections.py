"""Clips of any length from a model that writes a minute: what is kept, and what each section sees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engines.score.format import MAX_SECONDS, STEPS_PER_BEAT, Score, beats_in
from bot.engines.score.known import Known, bars_of, continued, kept_bars, repainted, resampled, with_length
from bot.engines.score.sections import Section, write_sections

LEAD = 2


def blank(seconds: float, tempo_class: int, metre: int) -> Score:
    """A score of rests with one instrument."""
    score = Score(
        tempo_class=tempo_class,
        metre=metre,
        key=0,
        scale=0,
        swing=0,
        mix=0,
        programs=np.zeros((1, 5), np.int16),
        grid=np.zeros((1, 5), np.int16),
    )
    score = with_length(score, seconds)
    programs = score.programs.copy()
    programs[:, LEAD] = 1
    return replace(score, programs=programs)


class Writer:
    """A model that writes its section's number, counted from 1, into all that is free."""

    def __init__(self, tempo_class: int, metre: int) -> None:
        self.tempo_class, self.metre = tempo_class, metre
        self.sections: list[Section] = []

    def __call__(self, section: Section) -> Score:
        self.sections.append(section)
        assert section.seconds <= MAX_SECONDS
        score = blank(section.seconds, self.tempo_class, self.metre)
        number = len(self.sections)
        if section.known is None:
            score.grid[:, LEAD] = 1 + number
        else:
            known = section.known
            assert known.score.grid.shape == score.grid.shape, "the section has the beats of what is known"
            grid = np.where(known.free_steps, 1 + number, known.score.grid)
            score = replace(known.score, grid=grid.astype(np.int16))
        return bars_of(score, 0, kept_bars(len(score.programs), section.keep))


lengths = st.floats(5, 300)
tempos, metres = st.integers(0, 47), st.sampled_from([3, 4])


@given(lengths, tempos, metres)
def test_a_clip_of_any_length_is_written_whole(seconds: float, tempo_class: int, metre: int) -> None:
    writer = Writer(tempo_class, metre)
    score = write_sections(writer, seconds, 7, None)
    assert len(score.grid) == beats_in(seconds, score.tempo) * STEPS_PER_BEAT
    assert (score.grid[:, LEAD] > 0).all(), "no bar is left out"
    numbers = score.grid[:, LEAD]
    assert (np.diff(numbers) >= 0).all(), "each section follows the one before"
    assert len({section.seed for section in writer.sections}) == len(writer.sections)
    assert [section.number for section in writer.sections] == list(range(len(writer.sections)))
    assert all(section.number < section.of for section in writer.sections)
    assert writer.sections[-1].keep == 1, "the last section has the ending"
    for section in writer.sections[1:]:
        assert section.known is not None
        assert not section.known.free_steps[0].any(), "a later section begins with what is there before it"


@given(lengths, lengths, tempos, metres)
def test_a_continuation_keeps_the_whole_bars_of_its_source(
    before: float, after: float, tempo_class: int, metre: int
) -> None:
    source = blank(before, tempo_class, metre)
    source.grid[:, LEAD] = 500
    known = continued(source, after)
    score = write_sections(Writer(tempo_class, metre), after, 7, known)
    whole = min(len(source.grid) // source.steps_per_bar * source.steps_per_bar, len(score.grid))
    assert (score.grid[:whole, LEAD] == 500).all()
    assert (score.grid[whole:, LEAD] < 500).all()
    assert len(score.grid) == beats_in(after, source.tempo) * STEPS_PER_BEAT


@given(lengths, st.floats(0, 1), st.floats(0, 1), tempos, metres)
def test_a_repaint_changes_the_bars_of_its_part_alone(
    seconds: float, one: float, other: float, tempo_class: int, metre: int
) -> None:
    source = blank(seconds, tempo_class, metre)
    source.grid[:, LEAD] = 500
    end = len(source.grid) * source.seconds_per_step
    start, stop = sorted((one * end, other * end))
    known = repainted(source, start, stop)
    score = write_sections(Writer(tempo_class, metre), seconds, 7, known)
    assert len(score.grid) == len(source.grid)
    times = np.arange(len(score.grid)) * source.seconds_per_step
    bar = source.steps_per_bar * source.seconds_per_step
    changed = score.grid[:, LEAD] != 500
    assert changed[(times >= start) & (times + source.seconds_per_step <= stop)].all()
    assert not changed[(times < start - bar) | (times > stop + bar)].any()


@pytest.mark.parametrize(("strength", "share"), [(0.0, 0.0), (0.3, 0.3), (1.0, 1.0)])
def test_a_variation_frees_its_share(strength: float, share: float) -> None:
    source = blank(300, 47, 4)
    free = np.mean([resampled(source, strength, seed).free_steps.mean() for seed in range(20)])
    assert free == pytest.approx(share, abs=0.03)


def test_what_is_known_is_kept_in_what_a_model_wrote() -> None:
    source, written = blank(10, 20, 4), blank(10, 20, 4)
    source.grid[:, LEAD], written.grid[:, LEAD] = 500, 10
    free = np.zeros(source.grid.shape, bool)
    free[16:] = True
    known = Known(score=source, free_programs=np.zeros(source.programs.shape, bool), free_steps=free)
    assert known.kept_in(written).grid[:, LEAD].tolist() == [500] * 16 + [10] * (len(source.grid) - 16)


def test_the_instruments_of_a_role_are_those_that_play_nearest_before_what_is_free() -> None:
    score = blank(30.0, 20, 4)
    bars = len(score.programs)
    score.programs[:, LEAD] = np.arange(bars) % 3  # silent in every third bar from the first on
    score.programs[:, LEAD - 1] = [0] * (bars - 1) + [7]  # plays in the last bar alone
    per_bar = score.steps_per_bar * score.seconds_per_step
    known = repainted(score, 3.1 * per_bar, 5.9 * per_bar)  # bars 3 to 5
    assert known.instruments(0).tolist() == [0, 7, 2, 0, 0], "bar 3 is silent, bar 2 is not"
    assert known.instruments(7).tolist() == [0, 7, 2, 0, 0], "where nothing is free, before that bar"
    assert repainted(score, 0, 30).instruments(0).tolist() == [0] * 5, "nothing is known"


def test_a_part_after_the_last_bar_is_the_last_bar() -> None:
    score = blank(10.0, 20, 4)
    length = len(score.grid) * score.seconds_per_step
    bar = score.steps_per_bar * score.seconds_per_step
    start = max(length, len(score.programs) * bar) + 0.01
    free = repainted(score, start, start + 0.5).free_programs
    assert free.any(1).tolist() == [False] * (len(free) - 1) + [True]
