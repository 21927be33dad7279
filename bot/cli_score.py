"""`antiphon score`: the notes of a finished clip of a built-in model, as MIDI and as stems."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.errors import UserError
from bot.terminal import print_line

Midi = Annotated[
    Path | None, typer.Option("--midi", help="Write the notes to this MIDI file; built-in models only.")
]
Stems = Annotated[
    Path | None,
    typer.Option("--stems", help="Write each role as a FLAC to this folder; built-in models only."),
]


def score(
    clip: Annotated[Path, typer.Argument(help="An MP3, WAV or FLAC that a built-in model made.")],
    midi: Midi = None,
    stems: Stems = None,
) -> None:
    """Write the notes of a finished clip as a MIDI file, and its roles as stems."""
    if midi is None and stems is None:
        raise UserError("There is nothing to write. Add --midi FILE, --stems FOLDER, or both.")
    for line in write_score(clip, midi, stems):
        print_line(line)


def write_score(clip: Path, midi: Path | None, stems: Path | None) -> list[str]:
    """Write MIDI file and stems of a clip, from its tags; return a line for each file. Raises UserError."""
    from bot.audio.tags import read_recipe, read_score
    from bot.engines.score import MODELS
    from bot.engines.score.bank import Bank
    from bot.engines.score.midi import to_midi
    from bot.engines.score.sampler import Sampler
    from bot.engines.score.serialize import from_text
    from bot.engines.score.stems import headroom, stems_of, write_stems

    notes, recipe = from_text(read_score(clip)), read_recipe(clip)
    lines = []
    try:
        if midi is not None:
            midi.parent.mkdir(parents=True, exist_ok=True)
            midi.write_bytes(to_midi(notes, recipe.prompt))
            lines.append(f"{midi}: MIDI, {notes.tempo:.0f} bpm, {notes.metre}/4")
        if stems is not None:
            sampler = Sampler(Bank(MODELS / "sounds"))
            waves = stems_of(sampler, notes, recipe.seconds, recipe.seed, loop=recipe.loops)
            lines += [f"{file}: stem" for file in write_stems(waves, stems)]
            if (factor := headroom(waves)) > 1:
                lines.append(f"The stems are lowered by a factor of {factor:.3f}, so that none clips.")
    except OSError as error:
        raise UserError(
            f"{error.filename or stems or midi} can't be written: {error.strerror}. Choose another path."
        ) from error
    return lines
