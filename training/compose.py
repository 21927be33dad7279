"""The composer: procedural music, one score and one account of what is in it for every seed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from bot.engines.score.format import (
    BASS,
    CHORD,
    COUNTER,
    DRUMS,
    HOLD,
    LEAD,
    SCALE_NAMES,
    SCALES,
    STEPS_PER_BEAT,
    SWINGS,
    Score,
    beats_in,
    chord_token,
    drum_token,
    drums_of,
    note_token,
    repaired,
    tempo_class_of,
    tempo_of,
)
from bot.engines.score.notes import tonic_of
from bot.engines.score.programs import KIT_ID, MIX_ID, PROGRAM_ID, PROGRAMS
from bot.engines.score.silence import without_silence
from training import melody
from training.form import NOTE_ROLES, end, entries_of, form_of, shape
from training.harmony import Chord, nearest, progression, tones
from training.melody import Event
from training.patterns import BASS_LINES, CHORD_RHYTHMS, FILLS, GROOVES, Groove
from training.scenes import SCENES, Part, Scene

GUESTS: dict[int, tuple[str, ...]] = {
    CHORD: (
        *("piano", "electric piano", "organ", "nylon guitar", "string ensemble", "harp", "warm pad"),
        *("choir", "accordion"),
    ),
    LEAD: (
        *("piano", "violin", "cello", "flute", "trumpet", "saxophone", "clarinet"),
        *("oboe", "vibraphone", "harp", "choir", "nylon guitar", "overdriven guitar", "harmonica"),
        *("sitar", "koto", "kalimba", "marimba", "french horn", "trombone", "pan flute"),
        *("banjo", "steel drums", "music box", "saw lead", "chip lead", "accordion", "glockenspiel"),
    ),
    COUNTER: (
        *("harp", "marimba", "glockenspiel", "pizzicato strings", "piano", "synth pluck", "celesta"),
        *("nylon guitar", "kalimba"),
    ),
}
"""Instruments that may visit any scene."""
GUEST_CHANCE = 0.1
OWN_VOICE = {
    "sad violin": (LEAD,),
    "solo piano": (CHORD, LEAD, COUNTER),
    "cello and harp": (LEAD, COUNTER),
    "chiptune": (LEAD, COUNTER, CHORD),
    "lullaby": (LEAD,),
    "baroque": (CHORD,),
    "meditation": (LEAD,),
    "underwater glitch": (COUNTER,),
    "rainy city": (LEAD,),
    "rock": (CHORD,),
    "ambient": (CHORD,),
    "bossa nova": (CHORD,),
    "trap": (CHORD,),
}
"""Scenes and the roles that no guest takes over: without them the scene would not be itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What makes two sets of pieces differ: the judge is fitted on another one than the models learn from.

    guests: chance of an instrument from outside the scene, each role.  tempo_shift: factor.
    sequences: share of pieces whose instruments enter one after the other.
    solos: share of pieces for one instrument.
    """

    guests: float = GUEST_CHANCE
    tempo_shift: float = 1.0
    sequences: float = 0.3
    solos: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A score and what can truthfully be said of it.

    entries: (bar, role, instrument's name) in the order in which instruments are first heard.
    form: name of its form.  bars: their number.
    """

    scene: Scene
    score: Score
    seconds: float
    form: str
    scale: str
    entries: tuple[tuple[int, int, str], ...]
    bars: int
    guests: tuple[str, ...] = field(default=())

    @property
    def instruments(self) -> tuple[str, ...]:
        """Names of the instruments, in the order of their entry, each once."""
        return tuple(dict.fromkeys(name for _, _, name in self.entries))


def compose(
    scene: Scene, seconds: float, rng: np.random.Generator, settings: Settings | None = None
) -> Piece:
    """Return a piece of a scene, `seconds` long."""
    settings = settings or Settings()
    bpm = float(np.exp(rng.uniform(*np.log(scene.tempo)))) * settings.tempo_shift
    tempo_class = tempo_class_of(bpm)
    steps = beats_in(seconds, tempo_of(tempo_class)) * STEPS_PER_BEAT
    per_bar = scene.metre * STEPS_PER_BEAT
    bars = -(-steps // per_bar)
    scale = str(rng.choice(scene.scales))
    chords = _chords(rng, scene, scale, bars)
    programs, guests = _programs(rng, scene, settings)
    if settings.solos and rng.random() < settings.solos:
        # Drawn only where solos are asked for, so that the pieces of the other settings stay as they were.
        voices = [role for role in (LEAD, CHORD, COUNTER) if programs[role]]
        kept = voices[0] if rng.random() < 0.6 else int(rng.choice(voices))
        programs = [program if role == kept else 0 for role, program in enumerate(programs)]
    form = "sequence" if rng.random() < settings.sequences and bars >= 3 else str(rng.choice(scene.forms))
    key = int(rng.integers(12))
    score = Score(
        tempo_class=tempo_class,
        metre=scene.metre,
        key=key,
        scale=SCALE_NAMES.index(scale),
        swing=SWINGS.index(str(rng.choice(scene.swings))),
        mix=MIX_ID[str(rng.choice(scene.mixes))],
        programs=np.zeros((bars, 5), np.int16),
        grid=np.zeros((bars * per_bar, 5), np.int16),
    )
    _write_parts(rng, scene, score, chords, programs)
    active = form_of(rng, form, bars, programs)
    if form == "sequence":
        _change_instruments(rng, scene, score, programs, active)
    score.programs[~active] = 0
    shape(rng, form, score, active)
    end(score, steps)
    score = repaired(replace(score, grid=score.grid[:steps]))
    score = without_silence(score)
    return Piece(
        scene=scene,
        score=score,
        seconds=seconds,
        form=form,
        scale=scale,
        entries=entries_of(score),
        bars=bars,
        guests=guests,
    )


def random_piece(rng: np.random.Generator, settings: Settings | None = None) -> Piece:
    """Return a piece of any scene and length: most of them short, as members ask for them."""
    scene = SCENES[int(rng.integers(len(SCENES)))]
    draw = rng.random()
    if draw < 0.08:
        seconds = rng.uniform(5, 8)
    elif draw < 0.62:
        seconds = rng.uniform(8, 14)
    elif draw < 0.9:
        seconds = rng.uniform(14, 30)
    else:
        seconds = rng.uniform(30, 60)
    return compose(scene, float(round(seconds, 1)), rng, settings)


def _chords(rng: np.random.Generator, scene: Scene, scale: str, bars: int) -> list[list[Chord]]:
    minor = SCALES[scale][1:3].count(3) > 0 or 3 in SCALES[scale]
    fitting = [
        p for p in scene.progressions if p.lstrip("b#")[0].islower() == minor or p.split()[0].startswith("b")
    ]
    text = str(rng.choice(fitting or list(scene.progressions)))
    first = progression(text)
    other = progression(str(rng.choice(fitting))) if fitting and rng.random() < 0.35 and bars >= 12 else first
    slow = 2 if scene.name in ("trap", "drum and bass", "boss battle") and rng.random() < 0.5 else 1
    out: list[list[Chord]] = []
    for bar in range(bars):
        of = other if bar // 8 % 2 == 1 else first
        out.append(of[bar // slow % len(of)])
    return out


def _programs(
    rng: np.random.Generator, scene: Scene, settings: Settings
) -> tuple[list[int], tuple[str, ...]]:
    out, guests = [], []
    for role, part in zip(NOTE_ROLES, (scene.chord, scene.bass, scene.lead, scene.counter), strict=True):
        program = 0
        if rng.random() < part.chance:
            name = str(rng.choice(part.programs))
            own = OWN_VOICE.get(scene.name, ())
            if role in GUESTS and role not in own and rng.random() < settings.guests:
                name = str(rng.choice(GUESTS[role]))
                guests.append(name)
            program = PROGRAM_ID[name]
        out.append(program)
    if not any(out[role] for role in (CHORD, LEAD, COUNTER)):
        out[LEAD] = PROGRAM_ID[str(rng.choice(scene.lead.programs))]
    drums = 0
    if scene.drums.styles and rng.random() < scene.drums.chance:
        drums = KIT_ID[str(rng.choice(scene.drums.programs))]
    return [*out, drums], tuple(guests)


def _write_parts(
    rng: np.random.Generator, scene: Scene, score: Score, chords: list[list[Chord]], programs: list[int]
) -> None:
    steps, scale = score.steps_per_bar, SCALES[SCALE_NAMES[score.scale]]
    score.programs[:] = np.array(programs, np.int16)
    if programs[CHORD]:
        _write_chords(rng, scene.chord, score, chords)
    if programs[BASS]:
        _write_bass(rng, scene.bass, score, chords, scale)
    lead: list[Event] = []
    if programs[LEAD]:
        centre = _centre(score, LEAD, programs[LEAD])
        lead = melody.tune(rng, str(rng.choice(scene.lead.styles)), chords, scale, steps, centre)
        _write_events(score, LEAD, lead)
    if programs[COUNTER]:
        _write_events(
            score, COUNTER, _counter(rng, scene.counter, score, chords, scale, lead, programs[COUNTER])
        )
    if programs[DRUMS]:
        _write_drums(rng, scene, score)


def _counter(
    rng: np.random.Generator,
    part: Part,
    score: Score,
    chords: list[list[Chord]],
    scale: tuple[int, ...],
    lead: list[Event],
    program: int,
) -> list[Event]:
    style = str(rng.choice(part.styles))
    steps, centre = score.steps_per_bar, _centre(score, COUNTER, program)
    if style in ("arp8", "arp16", "alberti"):
        return melody.arpeggio(rng, style, chords, steps, centre)
    if style == "longtone":
        return melody.long_tones(chords, steps, centre)
    if style == "bells":
        return melody.bells(rng, chords, steps, centre + 5)
    if style == "glitch":
        return melody.glitches(rng, chords, steps, centre)
    if style == "answer":
        return melody.answer(rng, lead, chords, steps, centre)
    return melody.tune(rng, style, chords, scale, steps, centre)


def _centre(score: Score, role: int, program: int) -> int:
    """Return the pitch relative to the role's tonic that lies nearest to the instrument's centre.

    In its key.
    """
    tone = PROGRAMS[program]
    middle = min(max(tone.centre + (5 if role == LEAD else 0), tone.low + 9), tone.high - 9)
    return middle - tonic_of(role, score.key)


def _write_events(score: Score, role: int, events: list[Event]) -> None:
    column = score.grid[:, role]
    for at, length, pitch, level in events:
        column[at] = note_token(role, pitch, level)
        column[at + 1 : at + length] = HOLD


def _write_chords(rng: np.random.Generator, part: Part, score: Score, chords: list[list[Chord]]) -> None:
    steps, column = score.steps_per_bar, score.grid[:, CHORD]
    style = str(rng.choice(part.styles))
    options = [t for t in CHORD_RHYTHMS[style] if len(t) == steps] or [
        "X-----------" if steps == 12 else "X" + "-" * 15
    ]
    pair = [str(rng.choice(options)) for _ in range(2)]
    pattern = [pair[0], pair[0] if rng.random() < 0.6 else pair[1]]
    for bar, in_bar in enumerate(chords):
        text = pattern[bar % 2]
        for at, length in melody.played(text):
            of = in_bar[min(len(in_bar) - 1, at * len(in_bar) // steps)]
            index = bar * steps + at
            column[index] = chord_token(of[0], of[1], int(text[at] == "X"))
            column[index + 1 : index + length] = HOLD
        if len(in_bar) == 2 and column[bar * steps + steps // 2] == HOLD:
            column[bar * steps + steps // 2] = chord_token(in_bar[1][0], in_bar[1][1], 0)


def _write_bass(
    rng: np.random.Generator, part: Part, score: Score, chords: list[list[Chord]], scale: tuple[int, ...]
) -> None:
    steps = score.steps_per_bar
    style = str(rng.choice(part.styles))
    role_program = int(score.programs[0, BASS])
    lift = 12 if PROGRAMS[role_program].low >= 36 else 0
    if style == "walking" and steps == 16:
        _write_events(
            score, BASS, [(a, n, p + lift, v) for a, n, p, v in melody.walking(rng, chords, scale, steps)]
        )
        return
    options = [t for t in BASS_LINES.get(style, BASS_LINES["half"]) if len(t) == steps]
    options = options or list(BASS_LINES["waltz" if steps == 12 else "half"])
    pair = [str(rng.choice(options)) for _ in range(2)]
    pattern = [pair[0], pair[0] if rng.random() < 0.55 else pair[1]]
    events: list[Event] = []
    for bar, in_bar in enumerate(chords):
        text = pattern[bar % 2]
        for at, length in melody.played(text):
            of = in_bar[min(len(in_bar) - 1, at * len(in_bar) // steps)]
            after = chords[(bar + 1) % len(chords)][0]
            root = of[0] if of[0] <= 8 else of[0] - 12
            own = tones(of)
            pitch = {
                "R": root,
                "r": root,
                "8": root + 12,
                "5": root + (own[2] - own[0]) % 12,
                "3": root + (own[1] - own[0]) % 12,
                "7": root + 10,
                "a": nearest(root, {after[0]}) + (1 if rng.random() < 0.5 else -1),
            }[text[at]]
            events.append((bar * steps + at, length, pitch + lift, {"R": 2, "r": 0}.get(text[at], 1)))
    _write_events(score, BASS, events)


def _write_drums(rng: np.random.Generator, scene: Scene, score: Score) -> None:
    steps = score.steps_per_bar
    grooves = GROOVES["waltz"] if steps == 12 else GROOVES[str(rng.choice(scene.drums.styles))]
    pick = rng.choice(len(grooves), 2, replace=False)
    main, other = (grooves[int(i)] for i in pick)
    fill = FILLS[int(rng.integers(len(FILLS)))]
    bars = len(score.programs)
    for bar in range(bars):
        tokens = _bar_of(main if bar % 4 != 3 or rng.random() < 0.5 else other, steps)
        if bar % 8 == 7 and scene.name not in ("techno", "house", "meditation", "horror", "bossa nova"):
            tokens[-4:] = fill.tokens(4)
        if (
            bar % 8 == 0
            and bar > 0
            and scene.name in ("rock", "boss battle", "epic film", "drum and bass", "funk")
        ):
            kick, snare, _, extra = drums_of(tokens[0])
            tokens[0] = drum_token(kick, snare, 5, extra)
        score.grid[bar * steps : (bar + 1) * steps, DRUMS] = tokens


def _bar_of(groove: Groove, steps: int) -> list[int]:
    return groove.tokens(steps)


def _change_instruments(
    rng: np.random.Generator, scene: Scene, score: Score, programs: list[int], active: np.ndarray
) -> None:
    """Let the lead pass to another instrument, or the chords swell to another, past the middle."""
    bars = len(active)
    for role, part in ((LEAD, scene.lead), (CHORD, scene.chord)):
        if programs[role] and rng.random() < 0.3 and bars >= 4:
            others = [n for n in (*part.programs, *GUESTS[role]) if PROGRAM_ID[n] != programs[role]]
            start = round(bars * rng.uniform(0.5, 0.7))
            score.programs[start:, role] = PROGRAM_ID[str(rng.choice(others))]
