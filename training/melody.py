"""Tunes: motifs that return and vary over the chords, accompanying figures, and walking basses."""

from __future__ import annotations

import numpy as np

from training.harmony import Chord, nearest, scale_around, step, tones

Event = tuple[int, int, int, int]
"""Step within the piece, length in steps, pitch relative to the key (any octave), level 0 to 2."""

RHYTHMS: dict[str, tuple[str, ...]] = {
    "lyric": (
        "x---x-x-x---x---",
        "x-----x-x-x-x---",
        "x---x---x-x-x-x-",
        "x-----x-----x-x-",
        "x-x-x---x-------",
        "x-------x---x-x-",
        "..x-x-x-x---x---",
    ),
    "long": ("x---------------", "x-------x-------", "x-----------x---", "x---------x-----"),
    "sparse": (
        "x-----x-........",
        "....x---..x-----",
        "x---......x-x---",
        "..x-x-------....",
        "x-----------....",
        "........x-x-x---",
    ),
    "busy": (
        "x-x-x-x-x-x-x---",
        "x-xxx-x-x-xxx-x-",
        "x-x-xxx-x---x-x-",
        "xxx-x-x-xxx-x---",
        "x---xxx-x-x-xxx-",
    ),
    "riff": (
        "x..x..x...x.x...",
        "x.x...x.x..x....",
        "x..x..x.x..x..x.",
        "x.xx..x...x.x.x.",
        "..x..x.x..x...x.",
    ),
    "anthem": (
        "x-----x-x---x---",
        "x---x---x-----x-",
        "x-----x-x-------",
        "x--x--x-x---x---",
        "x-x-x-----x-x-x-",
    ),
    "swing": (
        "x-x-x-..x-x-x-x-",
        "..x-x-x-x---..x-",
        "x---..x-x-x-..x-",
        "x-x-x-x-x---....",
        "..x-..x-x-x-x---",
    ),
    "stabs": ("x.x.......x.....", "......x.x.......", "x..x......x..x..", "..........x.x.x."),
    "creep": ("x---x---x---x---", "x-x-x-x-x-------", "x---x-------x---", "....x-x-x-------"),
    "baroque": ("x-xxx-xxx-xxx-x-", "xxxxx-x-xxxxx-x-", "x-x-xxxxx-x-xxxx", "x-xxxxxxx-x-x---"),
    "ostinato": ("x.x.x.x.x.x.x.x.", "x.xxx.xxx.xxx.xx", "x..x..x.x..x..x.", "x.x.xxx.x.x.xxx."),
}
LYRIC_IN_THREE = (
    "x---x-x-x---",
    "x-------x---",
    "x-----x-x-x-",
    "x---x---x---",
    "x-x-x-x-x---",
    "x-----------",
)
BUSY_IN_THREE = ("x-x-x-x-x-x-", "x---x-x-xxx-", "x-xxx-x-x-x-")
LEAPS = np.array([-4, -3, -2, -1, 0, 1, 2, 3, 4])
LEAP_CHANCES = np.array([0.03, 0.06, 0.15, 0.25, 0.07, 0.24, 0.13, 0.05, 0.02])


def rhythm(rng: np.random.Generator, style: str, steps: int) -> list[tuple[int, int]]:
    """Return one bar of (step, length) in a style."""
    if steps == 12:
        text = str(rng.choice(BUSY_IN_THREE if style in ("busy", "riff", "baroque") else LYRIC_IN_THREE))
    else:
        text = str(rng.choice(RHYTHMS[style]))
    return played(text)


def played(text: str) -> list[tuple[int, int]]:
    """Read (step, length) from a pattern: any letter or digit begins a note, `-` holds it, `.` ends it."""
    out: list[tuple[int, int]] = []
    for index, letter in enumerate(text):
        if letter == "-" and out and sum(out[-1]) == index:
            out[-1] = (out[-1][0], out[-1][1] + 1)
        elif letter not in "-.":
            out.append((index, 1))
    return out


def tune(
    rng: np.random.Generator,
    style: str,
    chords: list[list[Chord]],
    scale: tuple[int, ...],
    steps: int,
    centre: int,
) -> list[Event]:
    """Return a melody over bars of chords: a motif of two bars stated, answered, varied and brought home.

    centre: the pitch, relative to the key, around which it moves.
    """
    motif = [rhythm(rng, style, steps) for _ in range(2)]
    contrast = rhythm(rng, style, steps)
    leaps = [int(rng.choice(LEAPS, p=LEAP_CHANCES)) for _ in range(64)]
    exact = style in ("riff", "ostinato", "stabs")
    reach = 5 if exact or style in ("long", "sparse", "creep") else 8
    start = nearest(centre, tones(chords[0][0]))
    out: list[Event] = []
    for bar, in_bar in enumerate(chords):
        bar_of_phrase = bar % 4
        beat_pattern = contrast if bar_of_phrase == 2 and not exact else motif[bar_of_phrase % 2]
        if bar % 8 >= 4 and bar_of_phrase == 1 and not exact and rng.random() < 0.4:
            beat_pattern = rhythm(rng, style, steps)
        pitch = start if bar_of_phrase in (0, 2) else (out[-1][2] if out else start)
        offset = (bar_of_phrase % 2) * 16 + (24 if bar_of_phrase == 2 and not exact else 0)
        last_of_phrase = bar_of_phrase == 3 or bar == len(chords) - 1
        for number, (at, length) in enumerate(beat_pattern):
            of = in_bar[min(len(in_bar) - 1, at * len(in_bar) // steps)]
            classes = scale_around(scale, of)
            pitch = step(nearest(pitch, classes), leaps[(offset + number) % 64], classes)
            if pitch > centre + reach:
                pitch = step(pitch, -3, classes)
            if pitch < centre - reach:
                pitch = step(pitch, 3, classes)
            strong = at % 8 == 0 or length >= 4
            if strong:
                pitch = nearest(pitch, tones(of))
            level = 2 if at % 8 == 0 else 1
            out.append((bar * steps + at, length, pitch, level))
        if last_of_phrase and beat_pattern and style not in ("ostinato", "riff", "stabs", "baroque"):
            at, _, pitch, level = out[-1]
            home = nearest(pitch, tones(in_bar[-1])[:3])
            out[-1] = (at, (bar + 1) * steps - at, home, level)
    return out


def arpeggio(
    rng: np.random.Generator, style: str, chords: list[list[Chord]], steps: int, centre: int
) -> list[Event]:
    """Return a broken-chord figure: arp8, arp16 or alberti, its order kept for the whole piece."""
    rate = 1 if style == "arp16" else 2
    orders = {
        "alberti": ([0, 2, 1, 2],),
        "other": ([0, 1, 2, 3], [0, 1, 2, 1], [0, 2, 1, 3], [3, 2, 1, 0], [0, 1, 2, 3, 4, 3, 2, 1]),
    }
    options = orders["alberti" if style == "alberti" else "other"]
    order = options[int(rng.integers(len(options)))]
    gaps = bool(rng.random() < 0.3)
    out: list[Event] = []
    for bar, in_bar in enumerate(chords):
        for number, at in enumerate(range(0, steps, rate)):
            of = in_bar[min(len(in_bar) - 1, at * len(in_bar) // steps)]
            classes = sorted(set(tones(of)))
            ladder = [p for p in range(centre - 7, centre + 20) if p % 12 in classes]
            if gaps and number % 4 == 3 and rate == 1:
                continue
            level = 2 if at % 8 == 0 else (1 if at % 4 == 0 else 0)
            out.append((bar * steps + at, rate, ladder[order[number % len(order)] % len(ladder)], level))
    return out


def long_tones(chords: list[list[Chord]], steps: int, centre: int) -> list[Event]:
    """Return one guide tone a chord, moving as little as it can."""
    out: list[Event] = []
    pitch = centre
    for bar, in_bar in enumerate(chords):
        length = steps // len(in_bar)
        for number, of in enumerate(in_bar):
            guides = tones(of)[1:]
            pitch = nearest(pitch, guides)
            out.append((bar * steps + number * length, length, pitch, 1))
    return out


def bells(rng: np.random.Generator, chords: list[list[Chord]], steps: int, centre: int) -> list[Event]:
    """Return a few high chord tones, off the beat, the same places in every other bar."""
    places = [sorted(rng.choice(steps // 2, 2, replace=False) * 2) for _ in range(2)]
    out: list[Event] = []
    for bar, in_bar in enumerate(chords):
        for at in places[bar % 2]:
            of = in_bar[min(len(in_bar) - 1, int(at) * len(in_bar) // steps)]
            pitch = nearest(centre + int(rng.integers(-3, 9)), tones(of))
            out.append((bar * steps + int(at), min(6, steps - int(at)), pitch, int(rng.integers(0, 2))))
    return out


def glitches(rng: np.random.Generator, chords: list[list[Chord]], steps: int, centre: int) -> list[Event]:
    """Return short stutters: a pitch repeated two to five times, at places that return every two bars."""
    places = [[(int(rng.integers(steps - 4)), int(rng.integers(2, 6))) for _ in range(2)] for _ in range(2)]
    out: list[Event] = []
    for bar, in_bar in enumerate(chords):
        for at, times in places[bar % 2]:
            pitch = nearest(centre + int(rng.integers(-12, 13)), tones(in_bar[0]))
            out.extend((bar * steps + s, 1, pitch, s % 3) for s in range(at, min(steps, at + times)))
    return sorted({event[0]: event for event in out}.values())


def answer(
    rng: np.random.Generator, lead: list[Event], chords: list[list[Chord]], steps: int, centre: int
) -> list[Event]:
    """Return short replies where the lead is silent, in chord tones."""
    busy = np.zeros(len(chords) * steps, bool)
    for at, length, _, _ in lead:
        busy[at : at + length] = True
    out: list[Event] = []
    for bar, in_bar in enumerate(chords):
        if bar % 2 == 0 and len(chords) > 2:
            continue
        for at in range(steps // 2, steps, 2):
            index = bar * steps + at
            if not busy[index] and rng.random() < 0.7:
                pitch = nearest(centre + int(rng.integers(-4, 6)), tones(in_bar[-1]))
                out.append((index, 2, pitch, 1))
    return out


def walking(
    rng: np.random.Generator, chords: list[list[Chord]], scale: tuple[int, ...], steps: int
) -> list[Event]:
    """Return a bass of quarter notes: root, chord tones, and a step into the next root."""
    out: list[Event] = []
    flat = [
        (bar * steps + n * steps // len(b), steps // len(b), of)
        for bar, b in enumerate(chords)
        for n, of in enumerate(b)
    ]
    pitch = 0
    for number, (at, length, of) in enumerate(flat):
        after = flat[(number + 1) % len(flat)][2]
        beats = length // 4
        pitch = nearest(min(max(pitch, 0), 12), {of[0]})
        goal = nearest(pitch, {after[0]})
        for beat in range(beats):
            if beat == 0:
                note = pitch
            elif beat == beats - 1:
                note = goal + int(rng.choice((-1, 1, 2, -2)))
            else:
                note = nearest(pitch + (goal - pitch) * beat // beats + int(rng.integers(-3, 5)), tones(of))
            out.append((at + beat * 4, 4, note, 2 if beat == 0 else 1))
    return out
