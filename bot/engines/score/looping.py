"""A clip that plays in a circle: whole bars of a score, played so that its end runs into its beginning.

The notes are played once around before the clip begins and once after it ends, so that what rings out at the
end is heard at the beginning, and the clip is cut out of the middle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bot.engines.score.bank import SAMPLE_RATE
from bot.engines.score.format import ONSET, TAIL_SECONDS, Score
from bot.engines.score.known import bars_of
from bot.engines.score.mix import FADE_OUT, SAMPLES_HELD
from bot.engines.score.notes import Hit, Note, notes_of

BEFORE_SECONDS = 8.0
"""What is played before a clip that loops: the longest room rings for 3.8 s, after release and echo."""
SEAM_BARS = 2
"""Bars of each end by which it is judged how well a loop's beginning follows its end."""
AFTER_SECONDS = 2 * FADE_OUT
"""What is played after it: the mix fades out at the end of what it is given."""


@dataclass(frozen=True, slots=True)
class Playing:
    """What is played of a score: notes and strokes by time, and in which samples of it the clip is.

    samples: of all that is played.  first, stop: where the clip begins and ends in it.
    circle: seconds of a clip that loops, 0 for one that does not.
    """

    notes: list[Note]
    hits: list[Hit]
    samples: int
    first: int
    stop: int
    circle: float = 0.0


def playing(score: Score, seconds: float, seed: int) -> Playing:
    """Return what is played of a score for a clip of so many seconds, with a seed's unevenness of hands."""
    notes, hits = notes_of(score, seed)
    samples = round(seconds * SAMPLE_RATE)
    return Playing(notes, hits, samples, 0, samples)


def playing_in_circle(score: Score, seed: int) -> Playing:
    """Return what is played of a score of whole bars for a clip that loops, once around."""
    notes, hits = notes_of(score, seed)
    length = loop_samples(score)
    seconds, first = length / SAMPLE_RATE, round(BEFORE_SECONDS * SAMPLE_RATE)
    around = range(-math.ceil(BEFORE_SECONDS / seconds), 2)
    starts = [BEFORE_SECONDS + number * seconds for number in around]
    return Playing(
        sorted((replace(n, start=n.start + at) for at in starts for n in notes), key=lambda note: note.start),
        sorted((replace(h, start=h.start + at) for at in starts for h in hits), key=lambda hit: hit.start),
        first + length + round(AFTER_SECONDS * SAMPLE_RATE),
        first,
        first + length,
        seconds,
    )


def loop_samples(score: Score) -> int:
    """Return the samples of a score's steps, to within a sample, in whole units of the mix."""
    samples = len(score.grid) * score.seconds_per_step * SAMPLE_RATE
    return round(samples / SAMPLES_HELD) * SAMPLES_HELD


def seconds_to_write(seconds: float, source: Score | None) -> float:
    """Return how long a score is written for a loop of about so many seconds.

    From words, the ending is written too, to be left out: a third of the clip, up to 15 s, and as much as the
    nearest whole bar may reach beyond the clip. As much again is written, so that an opening can be left out.
    What is made of a source has the loop's own bars.
    """
    if source is None:
        return seconds + 2 * _ending_seconds(seconds)
    return _bars(source, seconds) * _bar_seconds(source) + TAIL_SECONDS


def looped(score: Score, seconds: float, source: Score | None) -> Score:
    """Return bars of a score, as many whole ones as are nearest to so many seconds.

    From words, they begin where the first bars have the instruments and the density of the last ones, since a
    piece opens more sparsely than it goes on, and never so late that its ending is among them. What is made
    of a source begins where the source does.
    """
    whole = len(score.grid) // score.steps_per_bar
    bars = min(whole, _bars(score, seconds))
    first = 0
    if source is None:
        spare = whole - bars - math.floor(_ending_seconds(seconds) / _bar_seconds(score))
        first = min(range(max(0, spare) + 1), key=lambda start: _unlikeness(score, start, start + bars))
    return bars_of(score, first, first + bars)


def _unlikeness(score: Score, first: int, stop: int) -> float:
    """Return how unlike the bars from `first` on are to the last ones before `stop`, 0 for the same density.

    By the onsets of each role in SEAM_BARS bars; another instrument counts as one that comes in.
    """
    per_bar = score.steps_per_bar
    onsets = score.grid[: len(score.programs) * per_bar] >= ONSET

    def density(bar: int) -> npt.NDArray[np.float64]:
        counted: npt.NDArray[np.float64] = np.log1p(onsets[bar * per_bar : (bar + width) * per_bar].sum(0))
        return counted

    width = min(SEAM_BARS, stop - first)
    begins, ends = density(first), density(stop - width)
    same = score.programs[first] == score.programs[stop - 1]
    return float(np.where(same, np.abs(begins - ends), np.maximum(begins, ends)).sum())


def _ending_seconds(seconds: float) -> float:
    return min(max(seconds / 3, 4.0), 15.0)


def _bars(score: Score, seconds: float) -> int:
    return max(1, round(seconds / _bar_seconds(score)))


def _bar_seconds(score: Score) -> float:
    return score.steps_per_bar * score.seconds_per_step
