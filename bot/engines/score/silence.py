"""Repair late beginnings, empty bars and notes that have died away with notes from the rest of a score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bot.engines.score.format import (
    CHORD,
    DRUMS,
    HOLD,
    ONSET,
    REST,
    SCALE_NAMES,
    SCALES,
    STEPS_PER_BEAT,
    Grid,
    Score,
    chord_token,
    drum_token,
    note_token,
    repaired,
)
from bot.engines.score.notes import MAX_NOTE_BARS
from bot.engines.score.programs import PROGRAMS, RINGING

DRUM_SECONDS = 0.2
"""How long a drum stroke is heard at least."""
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


def without_dead_notes(score: Score) -> Score:
    """Return a score in which nothing is silent for longer than half a bar, as far as it has notes at all.

    A plucked note that is held has died away long before its end. On the last beat within half a bar of
    silence a note is struck again: one that is held, or else the last one of the instruments that play.
    """
    grid = score.grid.copy()
    half = score.steps_per_bar // 2
    onsets = np.append((score.grid >= SOUND).any(1), True)
    sounding_until = 0
    last: dict[int, int] = {}
    for step in range(len(grid)):
        ahead = step + int(np.argmax(onsets[step:]))
        late = step % STEPS_PER_BEAT == 0 and step + STEPS_PER_BEAT > sounding_until + half
        if step >= sounding_until and late and ahead > step and ahead > sounding_until + half:
            _strike(grid, score, step, min(ahead, step + half), last)
        for role in np.flatnonzero(grid[step] >= SOUND):
            last[int(role)] = step
            sounding_until = max(sounding_until, _sounding_until(grid, score, step, int(role)))
    return replace(score, grid=grid)


def _strike(grid: Grid, score: Score, step: int, end: int, last: dict[int, int]) -> None:
    """Strike a note at a silent step, and let it last up to `end` where its role rests.

    last: role → step of its last onset. An instrument that has not played yet begins with its first note.
    """
    bar = step // score.steps_per_bar
    stop = (bar + 1) * score.steps_per_bar
    playing = np.flatnonzero(score.programs[bar])
    struck = {role: step + np.flatnonzero(grid[step:stop, role] >= SOUND[role]) for role in playing.tolist()}
    last = {
        role: last[role] if role in last else int(at[0])
        for role, at in struck.items()
        if role in last or len(at)
    }
    roles = list(last)
    if not roles:
        return
    role = max(roles, key=lambda r: (r != DRUMS and grid[step, r] == HOLD, last[r]))
    grid[step, role] = grid[last[role], role]
    if role != DRUMS:
        column = grid[step + 1 : min(end, stop), role]
        column[column == REST] = HOLD


def _sounding_until(grid: Grid, score: Score, step: int, role: int) -> int:
    """Return the step up to which the note that begins at `step` is heard."""
    if role == DRUMS:
        return step + round(DRUM_SECONDS / score.seconds_per_step)
    program = PROGRAMS[score.programs[step // score.steps_per_bar, role]]
    limit = min(len(grid), step + MAX_NOTE_BARS * score.steps_per_bar)
    end = step + 1
    while end < limit and grid[end, role] == HOLD:
        end += 1
    length = (end - step) * score.seconds_per_step + program.release / 2  # −30 dB
    return step + max(1, int(min(length, RINGING.get(program.name, length)) / score.seconds_per_step))
