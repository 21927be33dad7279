"""The audio of a recipe's sources, read at an engine's rate, and its seam with what a model made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from math import gcd
from pathlib import Path

import numpy as np
import soundfile
import torch
from scipy.signal import resample_poly

from bot.errors import InvalidRecipe
from bot.recipe import Recipe, Role, Source

MAX_SECONDS = 600.0
"""Seconds read of a source: the longest clip of any engine."""
CROSSFADE_SECONDS = 0.05
"""Length of a seam between a source and what was made anew."""


def read_source(files: Mapping[Role, Path], recipe: Recipe, role: Role, rate: int) -> torch.Tensor:
    """Return the source in a role as float32 [2, samples] at a rate; a mono source twice.

    Raises InvalidRecipe where it is missing, no audio, silent, or another file than the recipe names.
    """
    wave = read_audio(files.get(role), recipe.sources[role], rate)
    return wave.expand(2, -1) if len(wave) == 1 else wave[:2]


def read_audio(file: Path | None, source: Source, rate: int, seconds: float = MAX_SECONDS) -> torch.Tensor:
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
    return torch.from_numpy(np.ascontiguousarray(resampled, np.float32))


def fitted(wave: torch.Tensor, samples: int) -> torch.Tensor:
    """Return a wave [channels, samples] cut, or padded with silence at its end, to a length."""
    return torch.nn.functional.pad(wave[:, :samples], (0, max(0, samples - wave.shape[1])))


def splice(source: torch.Tensor, made: torch.Tensor, start: int, end: int, rate: int) -> torch.Tensor:
    """Return the source with the samples from start to end replaced, sample for sample the same outside.

    source, made: float32 [channels, samples] of equal shape.  The crossfades lie inside of the replaced part,
    and are linear: what a model makes beside a source goes on from it, so both are correlated.
    """
    length = min(round(CROSSFADE_SECONDS * rate), (end - start) // 2)
    fade = torch.linspace(0, 1, length + 2)[1:-1]
    weight = torch.zeros(source.shape[1])
    weight[start:end] = 1
    if start > 0:
        weight[start : start + length] = fade
    if end < source.shape[1]:
        weight[end - length : end] = fade.flip(0)
    return torch.where(weight == 0, source, torch.lerp(source, made, weight))
