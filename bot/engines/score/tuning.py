"""Move notes that fit neither scale nor chord to the scale, except those that lead to the next note."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bot.engines.score.format import (
    BASS,
    CHORD,
    COUNTER,
    LEAD,
    ONSET,
    QUALITIES,
    SCALE_NAMES,
    SCALES,
    STEPS_PER_BEAT,
    Score,
    chord_of,
    note_of,
    note_token,
)

TUNED = (BASS, LEAD, COUNTER)


def in_tune(score: Score) -> Score:
    """Return a score without strangers, each moved to the nearest note of the scale.

    A stranger is a note of bass, lead or counter that is neither in the scale nor in the chord that was
    struck last, and that does not lead on: a passing note is followed within a beat by one a semitone away.
    """
    grid, fitting = score.grid.copy(), _fitting(score)
    scale = SCALES[SCALE_NAMES[score.scale]]
    for role in TUNED:
        after: tuple[int, int] | None = None
        # From the end on: whether a note leads on is told by where the next one ends up.
        for step in np.flatnonzero(grid[:, role] >= ONSET)[::-1].tolist():
            pitch, level = note_of(role, int(grid[step, role]))
            leads = after is not None and after[0] <= step + STEPS_PER_BEAT and abs(after[1] - pitch) == 1
            if pitch % 12 not in fitting[step] and not leads:
                pitch = _nearest(pitch, scale)
                grid[step, role] = note_token(role, pitch, level)
                pitch, _ = note_of(role, int(grid[step, role]))
            after = step, pitch
    return replace(score, grid=grid)


def _nearest(pitch: int, scale: tuple[int, ...]) -> int:
    """Return the pitch nearest to one whose class is in a scale; of two as near, the lower."""
    near = (pitch + by for distance in range(12) for by in (-distance, distance))
    return next(p for p in near if p % 12 in scale)


def outside(score: Score) -> int:
    """Return how many notes of bass, lead and counter are neither in the scale nor in the chord."""
    fitting = _fitting(score)
    return sum(
        note_of(role, int(score.grid[step, role]))[0] % 12 not in fitting[step]
        for role in TUNED
        for step in np.flatnonzero(score.grid[:, role] >= ONSET)
    )


def _fitting(score: Score) -> list[frozenset[int]]:
    """Return the pitch classes above the tonic that fit each sixteenth: the scale and the last chord's."""
    scale = frozenset(SCALES[SCALE_NAMES[score.scale]])
    out, now = [], scale
    for token in score.grid[:, CHORD]:
        if token >= ONSET:
            root, quality, _ = chord_of(int(token))
            now = scale | {(root + interval) % 12 for interval in QUALITIES[quality]}
        out.append(now)
    return out
