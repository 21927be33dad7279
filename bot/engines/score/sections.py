"""Clips longer than the models' window: written in sections, each with the end of what is there before it.

A model writes at most MAX_SECONDS at once, and ends its piece there. So all sections but the last are windows
of that length of which the last quarter, with the ending, is left out; the next window begins with the last
quarter of the bars that are written, which are kept. Memory does not grow with the length.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from bot.engines.score.format import MAX_SECONDS, STEPS_PER_BEAT, TAIL_SECONDS, Score, beats_in
from bot.engines.score.known import Known, bars_of, continued, kept_bars
from bot.engines.score.silence import SOUND

KEEP = 0.75
"""Share of a window's bars that are kept: the models prepare the ending in the rest."""
CONTEXT = 0.25
"""Share of a window's bars that are known from before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What a model writes at once.

    known: what is kept, of the section's length; None at the beginning of a clip from words alone.
    keep: share of the bars that are written.  number: how many sections are before it.  of: the clip's
    sections, an estimate.
    """

    seconds: float
    seed: int
    known: Known | None = None
    keep: float = 1.0
    number: int = 0
    of: int = 1

    @property
    def later(self) -> bool:
        """Whether the clip began in a section before it."""
        return self.number > 0


class Opening:
    """What is heard of a clip before the rest of its score is written.

    seconds: how much.  play: takes the score of its first bars, as soon as they are written, once.
    """

    def __init__(self, seconds: float, play: Callable[[Score], None]) -> None:
        self.seconds = seconds
        self.over = False
        self._play = play

    def offer(self, score: Score) -> None:
        """Play the first bars, unless they were played or nothing in them sounds."""
        if not self.over and (score.grid >= SOUND).any():
            self.over = True
            self._play(score)


Write = Callable[[Section], Score]
"""Writes a section: returns the score of the bars that are kept."""


def write_sections(write: Write, seconds: float, seed: int, known: Known | None) -> Score:
    """Return the score of a clip of any length; known: what it keeps, of the clip's length."""
    if seconds <= MAX_SECONDS:
        return write(Section(seconds=seconds, seed=seed, known=known))
    before = 0
    if known is None:
        before = 1
        # Without the tempo, the bars that rounding may cost are not known: progress must not go back.
        most = 1 + math.ceil((seconds - KEEP * MAX_SECONDS) / (0.8 * (KEEP - CONTEXT) * MAX_SECONDS))
        first = write(Section(seconds=MAX_SECONDS, seed=seed, keep=KEEP, of=most))
        known = continued(first, seconds)
    score = known.score
    windows = _windows(known)
    for number, window in enumerate(windows, before):
        part = _part(known, score, window)
        beats = len(part.score.grid) / STEPS_PER_BEAT
        section = Section(
            # The length that has these beats: beats_in rounds, and may have rounded up to the window's.
            seconds=min(MAX_SECONDS, beats * 60 / score.tempo + TAIL_SECONDS),
            seed=(seed + number) % 2**31,
            known=part,
            keep=1.0 if window.stop == window.end else KEEP,
            number=number,
            of=before + len(windows),
        )
        new = bars_of(write(section), window.done - window.start, window.stop - window.start)
        score = _replaced(score, new, window.done)
    return score


class _Window(NamedTuple):
    """Bars of a clip: what a section holds, what is there before it, and up to where it is kept.

    start, end: its bars.  done: the first that is not written yet.  stop: up to where it is kept.
    """

    start: int
    end: int
    done: int
    stop: int


def _windows(known: Known) -> list[_Window]:
    """Return the windows that write all that is free, in their order."""
    bars = len(known.score.programs)
    most = beats_in(MAX_SECONDS, known.score.tempo) // known.score.metre
    out = []
    done = _first_free_bar(known, 0)
    while done < bars:
        start = max(0, done - round(CONTEXT * most))
        end = min(bars, start + most)
        stop = end if end == bars else start + kept_bars(most, KEEP)
        out.append(_Window(start, end, done, stop))
        done = _first_free_bar(known, stop)
    return out


def _part(known: Known, score: Score, window: _Window) -> Known:
    """Return a window's bars of what is known and written; what is written before is not free."""
    start, end, done, _ = window
    part = bars_of(score, start, end)
    per_bar = score.steps_per_bar
    programs = known.free_programs[start:end].copy()
    steps = known.free_steps[start * per_bar : end * per_bar].copy()
    programs[: done - start] = False
    steps[: (done - start) * per_bar] = False
    return Known(score=part, free_programs=programs, free_steps=steps)


def _replaced(score: Score, part: Score, bar: int) -> Score:
    """Return a score with the bars from `bar` on replaced by those of `part`, as many as it has."""
    programs, grid = score.programs.copy(), score.grid.copy()
    step = bar * score.steps_per_bar
    programs[bar : bar + len(part.programs)] = part.programs
    grid[step : step + len(part.grid)] = part.grid
    return replace(score, programs=programs, grid=grid)


def _first_free_bar(known: Known, start: int) -> int:
    """Return the first bar from `start` on of which anything is free, or the number of bars."""
    bars = len(known.free_programs)
    by_step = np.zeros(bars, bool)
    np.logical_or.at(
        by_step, np.arange(len(known.free_steps)) // known.score.steps_per_bar, known.free_steps.any(1)
    )
    free = np.flatnonzero(known.free_programs.any(1) | by_step)
    later = free[free >= start]
    return int(later[0]) if len(later) else bars
