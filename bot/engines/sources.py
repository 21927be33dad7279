"""The audio of a recipe's sources, read at an engine's rate, and its seam with what a model made.

Importing this imports no torch: not every engine needs it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from math import gcd
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from scipy.signal import resample_poly

from bot.errors import InvalidRecipe
from bot.recipe import Recipe, Role, Source
from bot.recipe.tasks import MIN_CONTINUED_SECONDS

if TYPE_CHECKING:
    from bot.engines.base import Wave

MAX_SECONDS = 600.0
"""Seconds read of a source: the longest clip of any engine."""
CROSSFADE_SECONDS = 0.05
"""Length of a seam between a source and what was made anew."""


def read_source(files: Mapping[Role, Path], recipe: Recipe, role: Role, rate: int) -> Wave:
    """Return the source in a role as float32 [2, samples] at a rate; a mono source twice.

    Raises InvalidRecipe where it is missing, no audio, or another file than the recipe names, and where a
    continuation is no longer than its source.
    """
    wave = read_audio(files.get(role), recipe.sources[role], rate)
    seconds = wave.shape[1] / rate
    if role is Role.START and recipe.seconds < seconds + MIN_CONTINUED_SECONDS:
        raise InvalidRecipe(
            f"The audio to continue is {seconds:.1f} s long, and the clip has to be at least "
            f"{MIN_CONTINUED_SECONDS:g} s longer, not {recipe.seconds:g} s. Set more seconds."
        )
    return np.repeat(wave, 2, 0) if len(wave) == 1 else wave[:2]


def read_audio(file: Path | None, source: Source, rate: int, seconds: float = MAX_SECONDS) -> Wave:
    """Return the first seconds of an audio file as float32 [channels, samples] at a rate in Hz.

    source: the SHA-256 of stored audio, which the file has to have, or a clip's id.  Raises InvalidRecipe.
    """
    if file is None:
        raise InvalidRecipe("This clip is made from other audio, and the file is not here: give it again.")
    try:
        with file.open("rb") as opened:
            if isinstance(source, str) and hashlib.file_digest(opened, "sha256").hexdigest() != source:
                raise InvalidRecipe("The file is not the one that this recipe was made with.")
            opened.seek(0)
            with soundfile.SoundFile(opened) as audio:
                own = audio.samplerate
                wave = audio.read(int(seconds * own), dtype="float32", always_2d=True).T
    except (OSError, soundfile.SoundFileError) as error:
        raise InvalidRecipe("The source cannot be read as audio: attach a WAV, FLAC, OGG or MP3.") from error
    if not wave.size or not np.isfinite(wave).all():
        raise InvalidRecipe("There is no sound in the source. Attach another file.")
    common = gcd(own, rate)
    resampled = resample_poly(wave, rate // common, own // common, axis=1)
    return np.ascontiguousarray(resampled, np.float32)


def fitted(wave: Wave, samples: int) -> Wave:
    """Return a wave [channels, samples] cut, or padded with silence at its end, to a length."""
    return np.pad(wave[:, :samples], ((0, 0), (0, max(0, samples - wave.shape[1]))))


def continued(source: Wave, made: Wave, rate: int) -> Wave:
    """Return a source [channels, samples] and what goes on from it, with a crossfade at the source's end.

    made: the whole clip as the model decoded it, float32 [channels, samples], longer than the source. Before
    the seam, of CROSSFADE_SECONDS, the source is kept sample for sample.
    """
    end = source.shape[1]
    length = min(round(CROSSFADE_SECONDS * rate), end)
    joined = made.copy()
    joined[:, :end] = source
    seam = slice(end - length, end)
    # Linear: what the model decodes there is the source again, so both are correlated.
    fade = np.linspace(0, 1, length + 2, dtype=np.float32)[1:-1]
    joined[:, seam] = source[:, seam] + fade * (made[:, seam] - source[:, seam])
    return joined


def splice(source: Wave, made: Wave, start: int, end: int, rate: int) -> Wave:
    """Return the source with the samples from start to end replaced, sample for sample the same outside.

    source, made: float32 [channels, samples] of equal shape.  The crossfades lie inside of the replaced part,
    and are linear: what a model makes beside a source goes on from it, so both are correlated.
    """
    length = min(round(CROSSFADE_SECONDS * rate), (end - start) // 2)
    fade = np.linspace(0, 1, length + 2, dtype=np.float32)[1:-1]
    joined = source.copy()
    joined[:, start:end] = made[:, start:end]
    if start > 0:
        into = slice(start, start + length)
        joined[:, into] = source[:, into] + fade * (made[:, into] - source[:, into])
    if end < source.shape[1]:
        out = slice(end - length, end)
        joined[:, out] = source[:, out] + fade[::-1] * (made[:, out] - source[:, out])
    return joined
