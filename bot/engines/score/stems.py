"""The roles of a score as waves of their own, which add up to the clip before it is mastered."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile

from bot.engines.score.bank import SAMPLE_RATE, FloatArray
from bot.engines.score.format import ROLES, Score
from bot.engines.score.sampler import Sampler

NOISE = "noise"
"""The stem of a mix's own noise: tape hiss, crackle of vinyl, rain."""


def stems_of(
    sampler: Sampler, score: Score, seconds: float, seed: int, *, loop: bool = False
) -> dict[str, FloatArray]:
    """Return a stem [2, n] at 32,000 Hz for each role that sounds, and for the mix's noise.

    All have the length of the clip, and add up to what `Sampler.render` returns, within −100 dB of full
    scale. What the mix does to the sum (drive, peak limiting) is a gain in time, applied to each alike.
    """
    waves = sampler.render_parts(score, seconds, seed, loop=loop)
    return {name: wave for name, wave in zip((*ROLES, NOISE), waves, strict=True) if np.any(wave)}


def headroom(stems: Mapping[str, FloatArray]) -> float:
    """Return by how much all stems are divided so that none exceeds full scale, 1 where none does."""
    return max((1.0, *(float(np.abs(wave).max()) for wave in stems.values())))


def write_stems(stems: Mapping[str, FloatArray], folder: Path) -> list[Path]:
    """Write each stem, divided by their `headroom`, as NAME.flac of 24 bits into a folder. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    scale = (2.0**23 - 1) / headroom(stems)
    files = []
    for name, wave in stems.items():
        file = folder / f"{name}.flac"
        samples = np.rint(wave.T.astype(np.float64) * scale).astype(np.int32) << 8
        try:
            soundfile.write(file, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_24")
        except soundfile.LibsndfileError as error:
            raise OSError(0, error.error_string, str(file)) from error
        files.append(file)
    return files
