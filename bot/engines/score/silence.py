"""Repair late beginnings and empty bars of a score with notes from its other bars."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bot.engines.score.format import (
    CHORD,
    DRUMS,
    HOLD,
    ONSET,
    SCALE_NAMES,
    SCALES,
    Score,
    chord_token,
    drum_token,
    note_token,
    repaired,
)

SOUND = (ONSET, ONSET, ONSET, ONSET, 1)
"""Role → lowest token that begins a sound."""


def without_silence(score: Score) -> Score:
    """Return a score in which something sounds on the first beat and no bar is empty.

    The earliest note of the first bar is moved to its first sixteenth; a bar without any sound repeats the
    one before it, the first bar the first that is not empty. Where there is no note at all, the first role
    with an instrument holds the tonic.
    """
    score = replace(repaired(score), programs=score.programs.copy())
    steps = score.steps_per_bar
    bars = [score.grid[start : start + steps] for start in range(0, len(score.grid), steps)]
    full = [bar for bar, part in enumerate(bars) if (part >= SOUND).any()]
    if not full:
        return _with_tonic(score)
    for bar, part in enumerate(bars):
        if not (part > 0).any():
            source = max((b for b in full if b < bar), default=full[0])
            length = min(len(part), len(bars[source]))  # the last bar may be short
            part[:length] = bars[source][:length]
            score.programs[bar] = score.programs[source]
    first = bars[0]
    onsets = [
        (int(np.flatnonzero(first[:, role] >= SOUND[role])[0]), role)
        for role in range(5)
        if (first[:, role] >= SOUND[role]).any()
    ]
    if onsets and min(onsets)[0] > 0:
        at, role = min(onsets)
        first[0, role] = first[at, role]
        first[1 : at + 1, role] = 0 if role == DRUMS else HOLD
    return repaired(score)


def _with_tonic(score: Score) -> Score:
    """Return a score without notes in which one role holds the tonic, begun anew in every bar."""
    roles = np.flatnonzero(score.programs.any(0))
    role = int(roles[0]) if len(roles) else CHORD
    grid, programs = score.grid.copy(), score.programs.copy()
    programs[:, role] = programs[:, role].max() or 1
    bars = slice(None, None, score.steps_per_bar)
    if role == DRUMS:
        grid[bars, role] = drum_token(kick=1)
    else:
        grid[:, role] = HOLD
        minor = 3 in SCALES[SCALE_NAMES[score.scale]]
        grid[bars, role] = (
            chord_token(0, "m" if minor else "", 1) if role == CHORD else note_token(role, 0, 1)
        )
    return replace(score, grid=grid, programs=programs)
