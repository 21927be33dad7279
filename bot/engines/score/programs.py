"""The instruments and drum kits that a score can name.

Their order is part of the token format: only ever append.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """One instrument.

    family: the coarse name that listeners and the judge use.
    gm: General MIDI program (0 to 127) it is cut from, or None where the sampler synthesises it.
    low, high: MIDI pitches between which it sounds natural.  centre: where its chords are voiced.
    release: seconds in which a note falls by 60 dB after its end; of a recorded instrument, those of the
    bank's second layer.
    """

    name: str
    family: str
    gm: int | None
    low: int
    high: int
    centre: int
    release: float


SILENT = Program("silent", "silence", None, 0, 127, 60, 0.0)

PROGRAMS: tuple[Program, ...] = (
    SILENT,
    Program("piano", "piano", 0, 28, 100, 60, 0.42),
    Program("electric piano", "electric piano", 4, 36, 92, 60, 0.08),
    Program("harpsichord", "harpsichord", 6, 36, 88, 62, 0.19),
    Program("celesta", "bells", 8, 60, 103, 74, 1.47),
    Program("glockenspiel", "bells", 9, 67, 103, 79, 2.4),
    Program("music box", "bells", 10, 60, 98, 74, 0.5),
    Program("vibraphone", "mallets", 11, 53, 89, 67, 0.42),
    Program("marimba", "mallets", 12, 45, 91, 64, 1.47),
    Program("tubular bells", "bells", 14, 55, 80, 65, 2.4),
    Program("organ", "organ", 16, 36, 92, 60, 0.09),
    Program("church organ", "organ", 19, 36, 92, 60, 1.02),
    Program("accordion", "accordion", 21, 48, 88, 64, 0.24),
    Program("harmonica", "accordion", 22, 55, 88, 70, 0.1),
    Program("nylon guitar", "guitar", 24, 40, 84, 57, 0.84),
    Program("steel guitar", "guitar", 25, 40, 84, 57, 2.4),
    Program("clean guitar", "guitar", 27, 40, 86, 57, 0.36),
    Program("muted guitar", "guitar", 28, 40, 84, 57, 0.21),
    Program("overdriven guitar", "distorted guitar", 29, 40, 86, 55, 0.08),
    Program("distortion guitar", "distorted guitar", 30, 38, 86, 50, 0.13),
    Program("upright bass", "bass", 32, 28, 60, 40, 0.08),
    Program("finger bass", "bass", 33, 28, 60, 40, 0.12),
    Program("slap bass", "bass", 36, 28, 60, 40, 0.12),
    Program("violin", "violin", 40, 55, 98, 72, 0.36),
    Program("cello", "cello", 42, 36, 74, 55, 0.45),
    Program("contrabass", "strings", 43, 28, 55, 40, 0.22),
    Program("tremolo strings", "strings", 44, 36, 91, 62, 1.62),
    Program("pizzicato strings", "pizzicato", 45, 36, 91, 60, 2.4),
    Program("harp", "harp", 46, 31, 98, 64, 2.4),
    Program("timpani", "timpani", 47, 36, 57, 45, 2.4),
    Program("string ensemble", "strings", 48, 36, 94, 60, 1.17),
    Program("slow strings", "strings", 49, 36, 94, 60, 2.4),
    Program("choir", "choir", 52, 43, 84, 62, 0.9),
    Program("trumpet", "brass", 56, 54, 86, 68, 0.18),
    Program("trombone", "brass", 57, 40, 74, 55, 0.18),
    Program("french horn", "brass", 60, 41, 77, 57, 0.25),
    Program("brass section", "brass", 61, 43, 84, 60, 0.3),
    Program("saxophone", "saxophone", 66, 44, 80, 62, 0.18),
    Program("oboe", "woodwinds", 68, 58, 91, 72, 0.17),
    Program("clarinet", "woodwinds", 71, 50, 91, 67, 0.05),
    Program("flute", "flute", 73, 60, 96, 76, 0.21),
    Program("pan flute", "flute", 75, 60, 92, 74, 0.08),
    Program("sitar", "sitar", 104, 48, 79, 60, 2.4),
    Program("banjo", "guitar", 105, 48, 86, 64, 2.4),
    Program("koto", "koto", 107, 48, 86, 64, 1.44),
    Program("kalimba", "mallets", 108, 55, 91, 70, 2.4),
    Program("steel drums", "mallets", 114, 53, 84, 66, 2.4),
    Program("chip lead", "chip", None, 48, 96, 72, 0.05),
    Program("chip pulse", "chip", None, 40, 96, 64, 0.05),
    Program("chip bass", "chip", None, 28, 72, 43, 0.05),
    Program("saw lead", "synth lead", None, 45, 93, 69, 0.21),
    Program("supersaw", "synth lead", None, 40, 93, 60, 0.35),
    Program("warm pad", "synth pad", None, 36, 91, 60, 1.56),
    Program("dark pad", "synth pad", None, 31, 84, 53, 1.9),
    Program("glass pad", "synth pad", None, 48, 96, 66, 2.4),
    Program("synth bass", "synth bass", None, 28, 60, 40, 0.09),
    Program("sub bass", "synth bass", None, 26, 55, 36, 0.21),
    Program("acid bass", "synth bass", None, 28, 64, 40, 0.09),
    Program("synth bell", "bells", None, 55, 98, 74, 2.08),
    Program("synth pluck", "synth lead", None, 45, 93, 65, 0.43),
    Program("drone", "synth pad", None, 28, 67, 43, 2.08),
    Program("reese bass", "synth bass", None, 28, 60, 38, 0.14),
    Program("glitch", "glitch", None, 48, 96, 72, 0.03),
)

PROGRAM_ID = {program.name: index for index, program in enumerate(PROGRAMS)}
"""name → index in PROGRAMS."""

RINGING: dict[str, float] = {
    "piano": 1.4,
    "electric piano": 2.5,
    "harpsichord": 1.7,
    "celesta": 0.8,
    "glockenspiel": 0.5,
    "music box": 0.5,
    "vibraphone": 1.1,
    "marimba": 0.3,
    "tubular bells": 1.8,
    "nylon guitar": 0.8,
    "steel guitar": 1.1,
    "clean guitar": 1.4,
    "muted guitar": 0.1,
    "distortion guitar": 1.8,
    "upright bass": 0.9,
    "finger bass": 1.7,
    "slap bass": 1.7,
    "pizzicato strings": 0.5,
    "harp": 0.6,
    "timpani": 1.2,
    "sitar": 1.4,
    "banjo": 0.3,
    "koto": 0.9,
    "kalimba": 0.2,
    "steel drums": 0.3,
    "synth pluck": 1.6,
    "acid bass": 2.1,
    "glitch": 0.3,
}
"""name → seconds after which a held note has fallen to 3 % of its level; the others last for more than 3 s.

Measured on the sounds, the shortest of three pitches.
"""

KITS: tuple[str, ...] = (
    "none",
    "acoustic kit",
    "brush kit",
    "house kit",
    "trap kit",
    "lofi kit",
    "chip kit",
    "orchestral kit",
    "hand percussion",
    "glitch kit",
)

KIT_ID = {name: index for index, name in enumerate(KITS)}
"""name → index in KITS."""

MIXES: tuple[str, ...] = (
    "room",
    "hall",
    "tape",
    "club",
    "chip",
    "cathedral",
    "cave",
    "underwater",
    "stage",
    "neon",
    "intimate",
    "dub",
    "cinema",
    "vinyl",
    "bright",
    "rain",
)

MIX_ID = {name: index for index, name in enumerate(MIXES)}
"""name → index in MIXES."""
