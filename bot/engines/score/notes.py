"""From a score to notes in time: voicing, registers, swing and the small unevenness of hands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bot.engines.score.drums import ALTERNATES
from bot.engines.score.format import (
    BASS,
    CHORD,
    COUNTER,
    DRUMS,
    HOLD,
    LEAD,
    LOUDNESS,
    ONSET,
    QUALITIES,
    REST,
    STEPS_PER_BEAT,
    SWINGS,
    Score,
    chord_of,
    drums_of,
    note_of,
)
from bot.engines.score.programs import PROGRAMS

MAX_NOTE_BARS = 4
"""A note that is held longer than this is let go."""
JITTER_SECONDS = {CHORD: 0.006, BASS: 0.004, LEAD: 0.007, COUNTER: 0.006, DRUMS: 0.003}
STRUM_SECONDS = {"guitar": 0.014, "harp": 0.03, "koto": 0.02, "harpsichord": 0.01, "piano": 0.003}


@dataclass(frozen=True, slots=True)
class Note:
    """One sounding note: start and length in seconds, MIDI pitch, velocity 0 to 1.

    Role and index into PROGRAMS.
    """

    start: float
    length: float
    pitch: int
    velocity: float
    role: int
    program: int


@dataclass(frozen=True, slots=True)
class Hit:
    """One drum stroke: start in seconds, part and its state as format.py lists them, velocity 0 to 1.

    kit: index into KITS.  alternate: index into ALTERNATES.
    """

    start: float
    part: int
    state: int
    velocity: float
    kit: int
    alternate: int = 0


def tonic_of(role: int, key: int) -> int:
    """Return the MIDI pitch from which a role counts: bass E1 to D♯2, lead and counter G3 to F♯4."""
    return 28 + (key - 4) % 12 if role == BASS else 55 + (key - 7) % 12


def onset_time(score: Score, step: int) -> float:
    """Return when a sixteenth begins, in seconds, with the score's swing."""
    swing = SWINGS[score.swing]
    late = 0.0
    within = step % STEPS_PER_BEAT
    if swing == "triplet" and within >= 2:
        late = 2 / 3 if within == 2 else 1 / 3
    elif swing in ("light", "heavy") and within % 2 == 1:
        late = 0.14 if swing == "light" else 0.3
    return (step + late) * score.seconds_per_step


def voicing(
    pitches: tuple[int, ...], root: int, centre: int, before: tuple[int, ...] | None
) -> tuple[int, ...]:
    """Return MIDI pitches of a chord.

    Close position, the inversion nearest to the chord before, or to the centre.
    """
    classes = [(root + p) % 12 for p in pitches]
    target = float(np.mean(before)) if before else float(centre)
    target = min(max(target, centre - 4.0), centre + 4.0)
    best: tuple[float, tuple[int, ...]] | None = None
    for first in range(len(classes)):
        order = classes[first:] + classes[:first]
        for lowest in range(centre - 14, centre + 8):
            if lowest % 12 != order[0]:
                continue
            notes = [lowest]
            for pitch_class in order[1:]:
                notes.append(notes[-1] + 1 + (pitch_class - notes[-1] - 1) % 12)
            motion = abs(float(np.mean(notes)) - target)
            if before:
                motion += 0.5 * sum(min(abs(n - b) for b in before) for n in notes) / len(notes)
            if best is None or motion < best[0]:
                best = (motion, tuple(notes))
    assert best is not None
    return best[1]


class _Even:
    """In the place of a generator: no deviation at all."""

    def normal(self, mean: float, _deviation: float) -> float:
        return mean


Unevenness = np.random.Generator | _Even


def notes_of(score: Score, seed: int | None = 0) -> tuple[list[Note], list[Hit]]:
    """Return the notes and drum strokes of a score, by time.

    The same seed gives the same unevenness of hands; None gives none, and chords that are not strummed.
    """
    rng: Unevenness = _Even() if seed is None else np.random.default_rng(seed)
    notes: list[Note] = []
    for role in (CHORD, BASS, LEAD, COUNTER):
        notes.extend(_role_notes(score, role, rng))
    hits = _hits(score, rng)
    return sorted(notes, key=lambda n: n.start), sorted(hits, key=lambda h: h.start)


def _role_notes(score: Score, role: int, rng: Unevenness) -> list[Note]:
    out: list[Note] = []
    column = score.grid[:, role]
    steps = len(column)
    before: tuple[int, ...] | None = None
    last_program = 0
    for step in np.flatnonzero(column >= ONSET):
        program = int(score.programs[step // score.steps_per_bar, role])
        if program == 0:
            continue
        end = int(step) + 1
        limit = min(steps, int(step) + MAX_NOTE_BARS * score.steps_per_bar)
        while end < limit and column[end] == HOLD:
            end += 1
        start = max(0.0, onset_time(score, int(step)) + rng.normal(0, JITTER_SECONDS[role]) * (step > 0))
        length = max(
            0.05, onset_time(score, end) - start - (0.0 if end < steps and column[end] == REST else 0.01)
        )
        tone = PROGRAMS[program]
        if role == CHORD:
            root, quality, level = chord_of(int(column[step]))
            if program != last_program:
                before = None
            before = voicing(QUALITIES[quality], (root + score.key) % 12, tone.centre, before)
            pitches = before
            last_program = program
        else:
            pitch, level = note_of(role, int(column[step]))
            pitches = (_in_register(pitch + tonic_of(role, score.key), tone.low, tone.high),)
        strummed = role == CHORD and not isinstance(rng, _Even)
        strum = STRUM_SECONDS.get(tone.family, 0.0) if strummed else 0.0
        accent = 0.04 if step % score.steps_per_bar == 0 else 0.0
        for order, midi in enumerate(pitches):
            velocity = LOUDNESS[role][level] + accent + rng.normal(0, 0.03)
            out.append(
                Note(
                    start + order * strum,
                    max(0.05, length - order * strum),
                    midi,
                    float(min(max(velocity, 0.15), 1.0)),
                    role,
                    program,
                )
            )
    return out


def _hits(score: Score, rng: Unevenness) -> list[Hit]:
    out: list[Hit] = []
    loudness = (
        (0.0, 0.65, 0.95),
        (0.0, 0.3, 0.9, 0.85),
        (0.0, 0.4, 0.7, 0.7, 0.65, 0.85, 0.5),
        (0.0, 0.8, 0.75, 0.65),
    )
    struck = [0, 0, 0, 0]
    for step in np.flatnonzero(score.grid[:, DRUMS] > 0):
        kit = int(score.programs[step // score.steps_per_bar, DRUMS])
        if kit == 0:
            continue
        start = max(0.0, onset_time(score, int(step)) + rng.normal(0, JITTER_SECONDS[DRUMS]) * (step > 0))
        for part, state in enumerate(drums_of(int(score.grid[step, DRUMS]))):
            if state:
                velocity = loudness[part][state] * (1 + rng.normal(0, 0.05))
                alternate = struck[part] % len(ALTERNATES)
                struck[part] += 1
                out.append(Hit(start, part, state, float(min(max(velocity, 0.1), 1.0)), kit, alternate))
    return out


def _in_register(pitch: int, low: int, high: int) -> int:
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return pitch
