"""A score as a Standard MIDI File: General MIDI instruments, one track a role, on the beat grid."""

from __future__ import annotations

from io import BytesIO

from mido import Message, MetaMessage, MidiFile, MidiTrack, bpm2tempo

from bot.engines.score.drums import KIT_STROKES, STROKES
from bot.engines.score.format import DRUMS, ROLES, SCALE_NAMES, SCALES, STEPS_PER_BEAT, Score
from bot.engines.score.notes import notes_of
from bot.engines.score.programs import PROGRAMS

TICKS_PER_BEAT = 480
DRUM_CHANNEL = 9
"""General MIDI's channel 10, counted from 0."""
HIT_TICKS = TICKS_PER_BEAT // STEPS_PER_BEAT
SYNTHESISED: dict[str, int] = {
    "chip lead": 80,
    "chip pulse": 80,
    "chip bass": 87,
    "saw lead": 81,
    "supersaw": 81,
    "warm pad": 89,
    "dark pad": 95,
    "glass pad": 92,
    "synth bass": 38,
    "sub bass": 39,
    "acid bass": 38,
    "synth bell": 98,
    "synth pluck": 90,
    "drone": 89,
    "reese bass": 39,
    "glitch": 103,
}
"""Instrument without a recording → the General MIDI program (0 to 127) nearest to it."""
PART_KEYS = ((0, 36, 36), (0, 38, 38, 39), (0, 42, 42, 46, 51, 49, 70), (0, 43, 48, 56))
"""Part and state of a drum token → General MIDI percussion key, where the kit's own stroke has none."""
LAST_KEY = 81
"""Highest percussion key of General MIDI 1."""
KEY_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR_KEY_NAMES = ("Cm", "C#m", "Dm", "Ebm", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "Bbm", "Bm")

Event = tuple[int, int, Message]
"""Tick, order within the tick (end of a note, program, start of a note), message."""


def to_midi(score: Score, title: str = "") -> bytes:
    """Return a score as a Standard MIDI File of type 1.

    The first track has title, tempo, metre and key; each role that plays has a track of its own. Notes start
    on the grid of sixteenths, with the score's swing and without the unevenness that the sampler adds.
    A mode such as dorian is written as major or minor, by its third: MIDI knows no other keys.
    """
    file = MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT, charset="utf-8")
    names = MINOR_KEY_NAMES if 3 in SCALES[SCALE_NAMES[score.scale]] else KEY_NAMES
    file.tracks.append(
        MidiTrack(
            [
                MetaMessage("track_name", name=" ".join(title.split())),
                MetaMessage("set_tempo", tempo=bpm2tempo(score.tempo)),
                MetaMessage("time_signature", numerator=score.metre, denominator=4),
                MetaMessage("key_signature", key=names[score.key]),
            ]
        )
    )
    end = len(score.grid) * TICKS_PER_BEAT // STEPS_PER_BEAT
    for role, events in _events(score).items():
        file.tracks.append(_track(ROLES[role], events, end))
    data = BytesIO()
    file.save(file=data)
    return data.getvalue()


def _events(score: Score) -> dict[int, list[Event]]:
    """Return the events of each role that plays."""
    notes, hits = notes_of(score, None)
    events: dict[int, list[Event]] = {}
    programs: dict[int, int] = {}
    for note in notes:
        start, end = _ticks(score, note.start), _ticks(score, note.start + note.length)
        found = events.setdefault(note.role, [])
        if programs.get(note.role) != note.program:
            programs[note.role] = note.program
            program = Message("program_change", channel=note.role, program=_general_midi(note.program))
            found.append((start, 1, program))
        found += _sounding(start, max(end, start + 1), note.role, note.pitch, note.velocity)
    for hit in hits:
        start = _ticks(score, hit.start)
        key = _percussion_key(hit.kit, hit.part, hit.state)
        events.setdefault(DRUMS, []).extend(
            _sounding(start, start + HIT_TICKS, DRUM_CHANNEL, key, hit.velocity)
        )
    return {role: events[role] for role in sorted(events)}


def _sounding(start: int, end: int, channel: int, key: int, velocity: float) -> list[Event]:
    loud = min(127, max(1, round(127 * velocity)))
    return [
        (start, 2, Message("note_on", channel=channel, note=key, velocity=loud)),
        (end, 0, Message("note_off", channel=channel, note=key)),
    ]


def _track(name: str, events: list[Event], end: int) -> MidiTrack:
    track = MidiTrack([MetaMessage("track_name", name=name)])
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(MetaMessage("end_of_track", time=max(0, end - now)))
    return track


def _ticks(score: Score, seconds: float) -> int:
    return round(seconds / score.seconds_per_step * TICKS_PER_BEAT / STEPS_PER_BEAT)


def _general_midi(program: int) -> int:
    gm = PROGRAMS[program].gm
    return SYNTHESISED[PROGRAMS[program].name] if gm is None else gm


def _percussion_key(kit: int, part: int, state: int) -> int:
    _, key = STROKES.get(KIT_STROKES[kit][part][state].sound, (0, LAST_KEY + 1))
    return key if key <= LAST_KEY else PART_KEYS[part][state]
