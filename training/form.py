"""How a piece unfolds: which roles play when, how loud, and how it ends."""

from __future__ import annotations

import numpy as np

from bot.engines.score.format import (
    BASS,
    CHORD,
    COUNTER,
    DRUMS,
    HOLD,
    LEAD,
    Score,
    drum_token,
    drums_of,
)
from bot.engines.score.programs import PROGRAMS

NOTE_ROLES = (CHORD, BASS, LEAD, COUNTER)


def form_of(rng: np.random.Generator, form: str, bars: int, programs: list[int]) -> np.ndarray:
    """Return which roles play in which bar, bool [bars, 5]."""
    roles = [role for role in range(5) if programs[role]]
    active = np.zeros((bars, 5), bool)
    active[:, roles] = True
    position = np.arange(bars) / max(1, bars)
    if form in ("layers", "sequence") and len(roles) > 1:
        order = list(rng.permutation([r for r in roles if r != DRUMS]))
        if DRUMS in roles:
            order.insert(int(rng.integers(1, len(order) + 1)), DRUMS)
        span = 0.6 if form == "sequence" else 0.45
        together = max(1, len(order) - (3 if form == "sequence" else 2))
        late = order[together:] if form == "layers" else order[1:]
        for number, role in enumerate(late):
            enters = max(1, round(bars * span * (number + 1) / max(1, len(late))))
            active[: min(enters, bars - 1), role] = False
    elif form == "drop" and bars >= 4:
        first, second = 0.22, 0.42
        active[position < first, BASS] = False
        if DRUMS in roles and len(roles) > 2:
            active[position < first / 2, DRUMS] = False
        active[(position >= second - 0.1) & (position < second), DRUMS] = False
        if bars >= 16:
            active[(position > 0.68) & (position < 0.76), BASS] = False
            active[(position > 0.68) & (position < 0.76), DRUMS] = False
    elif form == "arc" and bars >= 4:
        if COUNTER in roles:
            active[position < 0.2, COUNTER] = False
        if DRUMS in roles:
            active[position < 0.3, DRUMS] = False
    elif form == "song" and bars >= 6 and LEAD in roles:
        active[(position < 0.15) | ((position > 0.5) & (position < 0.65)), LEAD] = False
    for bar in range(bars):
        if not active[bar].any():
            active[bar, roles[0]] = True
    return active


def shape(rng: np.random.Generator, form: str, score: Score, active: np.ndarray) -> None:
    """Give the dynamics of the form: softer openings, louder drops, as levels of the notes."""
    bars, steps = len(active), score.steps_per_bar
    quiet = np.zeros(bars, bool)
    position = np.arange(bars) / max(1, bars)
    if form == "arc":
        quiet |= (position < 0.3) | (position > 0.88)
    elif form in ("drop", "song"):
        quiet |= position < 0.2
    elif form in ("layers", "sequence"):
        quiet |= (position < 0.25) & (rng.random() < 0.6)
    for bar in np.flatnonzero(quiet):
        part = score.grid[bar * steps : (bar + 1) * steps]
        for role in (CHORD, BASS, LEAD, COUNTER):
            column = part[:, role]
            levels = 2 if role == CHORD else 3
            onsets = column >= 2
            level = (column - 2) % levels
            column[onsets] -= np.minimum(level, 1)[onsets]
        for step, token in enumerate(part[:, DRUMS]):
            kick, snare, cymbal, extra = drums_of(int(token))
            part[step, DRUMS] = drum_token(min(kick, 1), snare, {2: 1}.get(cymbal, cymbal), extra)


def end(score: Score, steps: int) -> None:
    """Bring the piece home: what sounds in the last bar is held to its end where it lasts at all."""
    for role in (CHORD, LEAD):
        column = score.grid[:steps, role]
        onsets = np.flatnonzero(column >= 2)
        if len(onsets) and score.programs[-1, role] and steps - onsets[-1] <= score.steps_per_bar:
            column[onsets[-1] + 1 :] = HOLD


def entries_of(score: Score) -> tuple[tuple[int, int, str], ...]:
    """Return (bar, role, instrument's name) of what is heard, in the order in which it enters.

    All kits are `drums`.
    """
    out: list[tuple[int, int, str]] = []
    steps = score.steps_per_bar
    entered: set[tuple[int, int]] = set()
    for bar, row in enumerate(score.programs):
        part = score.grid[bar * steps : (bar + 1) * steps]
        for role in NOTE_ROLES:
            program = int(row[role])
            if program and (role, program) not in entered and (part[:, role] >= 2).any():
                entered.add((role, program))
                out.append((bar, role, PROGRAMS[program].name))
        if row[DRUMS] and (DRUMS, 0) not in entered and (part[:, DRUMS] > 0).any():
            entered.add((DRUMS, 0))
            out.append((bar, DRUMS, "drums"))
    return tuple(out)
