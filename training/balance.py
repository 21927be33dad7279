"""Balance the loudness of the sampler's instruments and drum kits: `python -m training.balance FOLDER`.

Every instrument plays a fixed phrase of its usual role in its usual register, every kit a fixed bar, all at
one velocity; the loudness of each is measured after ITU-R BS.1770-4, and its gain brings it to the level of
its role. FOLDER is one of `training.cut_sounds`, which stores the gains in it; the command prints them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bot.audio.meter import loudness
from bot.engines.score.bank import SAMPLE_RATE, Bank
from bot.engines.score.format import BASS, CHORD, LEAD
from bot.engines.score.notes import Hit, Note
from bot.engines.score.programs import KITS, PROGRAM_ID, PROGRAMS, Program
from bot.engines.score.sampler import Sampler

VELOCITY = 0.7
BEAT = 0.5
"""Seconds, as at 120 beats a minute."""
ROLES = {
    "bass": ("bass", "synth bass", "timpani"),
    "pad": ("strings", "choir", "synth pad"),
    "chord": ("piano", "electric piano", "harpsichord", "organ", "accordion", "guitar", "harp", "koto"),
}
"""Usual role → families of instruments; the others are leads."""
BASSES = ("contrabass", "chip bass")
"""Instruments of other families whose usual role is the bass."""
LEVELS = {"lead": -21.0, "chord": -23.0, "bass": -20.5, "pad": -23.5, "drums": -28.0}
"""Usual role → loudness of its phrase in LUFS, as it is in a mix, before the effects."""
STROKES = ((0, 0, 1), (0, 2, 1), (2, 2, 1), (4, 1, 2), (4, 2, 2), (6, 2, 1))
"""(eighth, part, state) of the bar that a kit plays, twice: kick, hats, and snare on the third beat."""


def role_of(program: Program) -> str:
    """Return the role that an instrument usually has."""
    if program.name in BASSES:
        return "bass"
    return next((role for role, families in ROLES.items() if program.family in families), "lead")


def phrase(program: Program) -> list[Note]:
    """Return what an instrument plays to be measured: four seconds of its usual role at one velocity."""
    number, role, centre = PROGRAM_ID[program.name], role_of(program), program.centre
    if role in ("pad", "chord"):
        beats = 4 if role == "pad" else 1
        chords = ((0, 4, 7), (-3, 0, 5), (-1, 2, 7), (0, 4, 7), (0, 4, 9), (-3, 2, 5), (-1, 2, 7), (0, 4, 7))
        return [
            Note(BEAT * step, BEAT * beats, centre + pitch, VELOCITY, CHORD, number)
            for step in range(0, 8, beats)
            for pitch in chords[step]
        ]
    steps = (0, 7, 0, 7, 5, 0, 7, 0) if role == "bass" else (0, 2, 4, 7, 5, 4, 2, 0)
    mix_role = BASS if role == "bass" else LEAD
    return [
        Note(BEAT * beat, BEAT, centre + pitch, VELOCITY, mix_role, number)
        for beat, pitch in enumerate(steps)
    ]


def measured(sampler: Sampler) -> dict[str, tuple[str, float]]:
    """Return the role of every instrument and kit, and the loudness of its phrase in LUFS."""
    out: dict[str, tuple[str, float]] = {}
    samples = round(10 * BEAT * SAMPLE_RATE)
    for program in PROGRAMS[1:]:
        out[program.name] = role_of(program), loudness(sampler.dry(phrase(program), [], samples), SAMPLE_RATE)
    for kit, name in enumerate(KITS[1:], 1):
        hits = [
            Hit(BEAT / 2 * (eighth + 8 * bar), part, state, VELOCITY, kit)
            for bar in range(2)
            for eighth, part, state in STROKES
        ]
        out[name] = "drums", loudness(sampler.dry([], hits, samples), SAMPLE_RATE)
    return out


def balanced(folder: Path) -> dict[str, float]:
    """Return the linear gain of every instrument and kit of a folder where all gains are 1."""
    found = measured(Sampler(Bank(folder)))
    return {name: round(10 ** ((LEVELS[role] - level) / 20), 4) for name, (role, level) in found.items()}


def main() -> None:
    """Print what the sounds of a folder measure, by role."""
    parser = argparse.ArgumentParser(description="Measure the loudness of the sampler's instruments.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    gains = json.loads((folder / "index.json").read_text())["gains"]
    found = measured(Sampler(Bank(folder)))
    print("| role | instrument | LUFS | gain |\n|---|---|---|---|")
    for role in LEVELS:
        for name, (usual, level) in found.items():
            if usual == role:
                print(f"| {role} | {name} | {level:.1f} | {gains[name]:.2f} |")


if __name__ == "__main__":
    main()
