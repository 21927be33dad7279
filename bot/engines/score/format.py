"""The score format that the built-in models generate and the sampler renders.

A score is a grid of sixteenth notes with five roles (chord, bass, lead, counter, drums), one instrument a
role and bar,
and a header of tempo, metre, key, scale, swing and mix. All pitches are relative to the key. As tokens it is
six
parallel streams: a clock, which is known in advance, and the roles; its frames are two of header, then for
each bar one
frame of instruments and one a sixteenth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bot.engines.score.programs import KITS, MIXES, PROGRAMS

Grid = npt.NDArray[np.int16]

ROLES = ("chord", "bass", "lead", "counter", "drums")
CHORD, BASS, LEAD, COUNTER, DRUMS = range(5)
STREAMS = 6
"""The clock and the five roles."""
STEPS_PER_BEAT = 4
VOCABULARY = 512
"""Token ids in each stream; id 512 is the language model's padding and start."""

REST, HOLD, ONSET = 0, 1, 2

QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "m7b5": (0, 3, 6, 10),
    "add9": (0, 4, 7, 14),
    "madd9": (0, 3, 7, 14),
    "5": (0, 7, 12),
    "maj9": (0, 4, 11, 14),
    "m9": (0, 3, 10, 14),
}
"""Chord quality → semitones above the root."""
QUALITY_NAMES = tuple(QUALITIES)
CHORD_LEVELS = 2
NOTE_LEVELS = 3
LOUDNESS = {
    CHORD: (0.5, 0.82),
    BASS: (0.5, 0.72, 0.95),
    LEAD: (0.45, 0.68, 0.92),
    COUNTER: (0.42, 0.64, 0.88),
}
"""Role → velocity (0 to 1) of each level."""
BASS_RANGE = (-5, 24)
TUNE_RANGE = (-24, 36)

# A drum token is a mixed-radix number of the states of four parts, the first state of each silence:
#   kick     3
#   snare    4: ghost, snare, clap
#   cymbal   7: soft hat, hat, open hat, ride, crash, shaker
#   extra    4: low tom, high tom, percussion

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}
SCALE_NAMES = tuple(SCALES)

TEMPO_LOW, TEMPO_RATIO, TEMPO_CLASSES = 48.0, 1.031, 48
"""Tempo class i is 48 · 1.031ⁱ beats a minute: 48 to 201, never more than 1.6 % from a tempo asked for."""
METRES = (4, 3)
SWINGS = ("straight", "light", "heavy", "triplet")

PROGRAM_BASE = 340
"""First id of instruments (drums: kits) in an instruments frame."""
HEADER_BASE = 404
"""First id of header fields: chord stream tempo × metre, bass key, lead scale, counter swing, drums mix."""

CLOCK_START, CLOCK_LENGTH, CLOCK_BAR, CLOCK_STEP = 0, 1, 16, 48
LENGTH_CLASSES, BAR_CLASSES = 12, 32
MAX_SECONDS = 60.0
TAIL_SECONDS = 0.25
"""The last beats end this long before the clip does, so that something can ring out."""


def tempo_of(tempo_class: int) -> float:
    """Return beats per minute of a tempo class."""
    return float(TEMPO_LOW * TEMPO_RATIO**tempo_class)


def tempo_class_of(bpm: float) -> int:
    """Return the class nearest to a tempo in beats per minute, on a logarithmic scale."""
    nearest = round(np.log(bpm / TEMPO_LOW) / np.log(TEMPO_RATIO))
    return int(min(max(nearest, 0), TEMPO_CLASSES - 1))


def beats_in(seconds: float, bpm: float) -> int:
    """Return how many whole beats a clip of this length has, at least one."""
    return max(1, round((seconds - TAIL_SECONDS) * bpm / 60))


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One piece.

    tempo_class: 0 to 47.  metre: beats a bar, 4 or 3.  key: pitch class 0 to 11 of the tonic.
    scale, swing, mix: indices into SCALE_NAMES, SWINGS and programs.MIXES.
    programs: [bars, 5], indices into PROGRAMS (drums: KITS), 0 where the role is silent.
    grid: [steps, 5] of role tokens; the last bar may be short.
    """

    tempo_class: int
    metre: int
    key: int
    scale: int
    swing: int
    mix: int
    programs: Grid
    grid: Grid

    @property
    def tempo(self) -> float:
        """Beats per minute."""
        return tempo_of(self.tempo_class)

    @property
    def steps_per_bar(self) -> int:
        """Sixteenths a bar: 16 or 12."""
        return self.metre * STEPS_PER_BEAT

    @property
    def seconds_per_step(self) -> float:
        """Length of a sixteenth in seconds."""
        return 60.0 / self.tempo / STEPS_PER_BEAT


def chord_token(root: int, quality: str, level: int) -> int:
    """Return the token of a chord: root in semitones above the key (mod 12), level 0 or 1."""
    return ONSET + ((root % 12) * len(QUALITY_NAMES) + QUALITY_NAMES.index(quality)) * CHORD_LEVELS + level


def chord_of(token: int) -> tuple[int, str, int]:
    """Return (root, quality, level) of a chord token."""
    rest, level = divmod(token - ONSET, CHORD_LEVELS)
    root, quality = divmod(rest, len(QUALITY_NAMES))
    return root, QUALITY_NAMES[quality], level


def note_token(role: int, pitch: int, level: int) -> int:
    """Return the token of a note of bass, lead or counter.

    Pitch in semitones from the role's tonic, level 0 to 2.

    A pitch outside the role's range is moved into it by octaves.
    """
    low, high = BASS_RANGE if role == BASS else TUNE_RANGE
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return ONSET + (pitch - low) * NOTE_LEVELS + level


def note_of(role: int, token: int) -> tuple[int, int]:
    """Return (pitch in semitones from the role's tonic, level) of a note token."""
    low = BASS_RANGE[0] if role == BASS else TUNE_RANGE[0]
    pitch, level = divmod(token - ONSET, NOTE_LEVELS)
    return pitch + low, level


def drum_token(kick: int = 0, snare: int = 0, cymbal: int = 0, extra: int = 0) -> int:
    """Return the token of one step of drums, each part given as its state."""
    return ((kick * 4 + snare) * 7 + cymbal) * 4 + extra


def drums_of(token: int) -> tuple[int, int, int, int]:
    """Return (kick, snare, cymbal, extra) states of a drum token."""
    token, extra = divmod(token, 4)
    token, cymbal = divmod(token, 7)
    kick, snare = divmod(token, 4)
    return kick, snare, cymbal, extra


STEP_SIZES = (
    ONSET + 12 * len(QUALITY_NAMES) * CHORD_LEVELS,
    ONSET + (BASS_RANGE[1] - BASS_RANGE[0] + 1) * NOTE_LEVELS,
    ONSET + (TUNE_RANGE[1] - TUNE_RANGE[0] + 1) * NOTE_LEVELS,
    ONSET + (TUNE_RANGE[1] - TUNE_RANGE[0] + 1) * NOTE_LEVELS,
    3 * 4 * 7 * 4,
)
"""Role → number of its tokens in a step frame; ids run from 0."""
PROGRAM_SIZES = (len(PROGRAMS), len(PROGRAMS), len(PROGRAMS), len(PROGRAMS), len(KITS))
HEADER_SIZES = (TEMPO_CLASSES * len(METRES), 12, len(SCALE_NAMES), len(SWINGS), len(MIXES))


def length_clock(seconds: float) -> int:
    """Return the clock's token for the length of the clip, in classes of five seconds."""
    return CLOCK_LENGTH + min(LENGTH_CLASSES - 1, max(0, round(seconds / 5) - 1))


def bar_clock(bar: int, bars: int) -> int:
    """Return the clock's token for the instruments frame of bar `bar` of `bars`.

    How far into the clip it is.
    """
    return CLOCK_BAR + (round(bar / (bars - 1) * (BAR_CLASSES - 1)) if bars > 1 else BAR_CLASSES - 1)


def clock_of(seconds: float, metre: int, steps: int) -> Grid:
    """Return the clock stream, int16 [frames], of a clip of this length, metre and number of sixteenths."""
    per_bar = metre * STEPS_PER_BEAT
    bars = -(-steps // per_bar)
    out = [CLOCK_START, length_clock(seconds)]
    for bar in range(bars):
        out.append(bar_clock(bar, bars))
        out.extend(CLOCK_STEP + step for step in range(min(per_bar, steps - bar * per_bar)))
    return np.array(out, np.int16)


def header_fields(score: Score) -> tuple[int, int, int, int, int]:
    """Return the values of the header's five streams: tempo × metre, key, scale, swing, mix."""
    tempo = score.tempo_class * len(METRES) + METRES.index(score.metre)
    return tempo, score.key, score.scale, score.swing, score.mix


def to_frames(score: Score, seconds: float) -> Grid:
    """Return the score as tokens, int16 [6 streams, frames], without the delay of the language model."""
    steps, per_bar = len(score.grid), score.steps_per_bar
    frames = [[0] * 5, [0] * 5]
    frames[0] = [HEADER_BASE + value for value in header_fields(score)]
    body: list[Grid] = [np.array(frames, np.int16)]
    for bar, programs in enumerate(score.programs):
        body.append((programs + PROGRAM_BASE)[None].astype(np.int16))
        body.append(score.grid[bar * per_bar : min((bar + 1) * per_bar, steps)])
    roles = np.concatenate(body)
    return np.concatenate([clock_of(seconds, score.metre, steps)[None], roles.T]).astype(np.int16)


def from_frames(frames: Grid) -> Score:
    """Read a score from tokens, int16 [6, frames].

    Ids that do not belong where they stand read as silence. Where the header's metre has more bars than the
    clock, the last bar's instruments play on.
    """
    clock, roles = frames[0], frames[1:].T
    header = _within(roles[0] - HEADER_BASE, HEADER_SIZES)
    tempo_class, metre = divmod(int(header[0]), len(METRES))
    is_bar = (clock >= CLOCK_BAR) & (clock < CLOCK_STEP)
    is_step = clock >= CLOCK_STEP
    programs = np.stack([_within(row - PROGRAM_BASE, PROGRAM_SIZES) for row in roles[is_bar]])
    grid = np.where(roles[is_step] < np.array(STEP_SIZES), roles[is_step], REST)
    bars = -(-len(grid) // (METRES[metre] * STEPS_PER_BEAT))
    programs = np.pad(programs, ((0, max(bars - len(programs), 0)), (0, 0)), mode="edge")
    return repaired(
        Score(
            tempo_class=tempo_class,
            metre=METRES[metre],
            key=int(header[1]),
            scale=int(header[2]),
            swing=int(header[3]),
            mix=int(header[4]),
            programs=programs.astype(np.int16),
            grid=grid.astype(np.int16),
        )
    )


def repaired(score: Score) -> Score:
    """Return the score with holds that hold nothing turned into rests, and silent roles silent."""
    grid = score.grid.copy()
    for role in range(5):
        sounding = score.programs[np.arange(len(grid)) // score.steps_per_bar, role] > 0
        grid[~sounding, role] = REST
        if role == DRUMS:
            continue
        column = grid[:, role]
        held = False
        for step, token in enumerate(column):
            if token == HOLD and not held:
                column[step] = REST
            held = token >= ONSET or (token == HOLD and held)
    return replace(score, grid=grid)


def _within(values: Grid, sizes: tuple[int, ...]) -> Grid:
    return np.where((values >= 0) & (values < np.array(sizes)), values, 0).astype(np.int16)
