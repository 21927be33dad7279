"""Encoding until what comes out has the wanted loudness and true peak, measured on the decoded MP3.

The one loop behind a finished clip (`finish.py`), a duel's pair (`pair.py`) and a smaller copy
(`smaller.py`). An encoder changes both measures: low bitrates take treble, and loudness with it, and coding
noise raises peaks, in music with hits and pauses unforeseeably.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile

from bot.audio import mp3
from bot.audio.blocks import blocks
from bot.audio.checks import LENGTH_TOLERANCE_SECONDS
from bot.audio.master import Mastered
from bot.audio.meter import CHUNK, Wave, amplitude, levels_of, loudness, true_peak
from bot.errors import RenderError

OVERSHOOT_MARGIN_DB = 0.1
"""How much more than the overshoot is taken off the second encoding, twice as much off each further one:
at low bitrates the encoder's noise raises other peaks each time."""


class Source(Protocol):
    """A wave that can be had at several levels."""

    @property
    def rate(self) -> int:
        """The sample rate in Hz."""

    def at(self, target_lufs: float, ceiling_db: float) -> Mastered:
        """Return the wave at a loudness in LUFS, or as near to it as the ceiling in dBTP allows."""


@dataclass(frozen=True)
class Gain:
    """A wave [channels, samples] that is turned up and down, and otherwise left alone."""

    wave: Wave
    rate: int

    @cached_property
    def _measured(self) -> tuple[float, float]:
        return loudness(self.wave, self.rate), true_peak(self.wave, self.rate)

    def at(self, target_lufs: float, ceiling_db: float) -> Mastered:
        """Return the wave at a loudness, or with its highest peak at the ceiling where that is quieter."""
        lufs, peak = self._measured
        gain = min(target_lufs - lufs, ceiling_db - peak)
        factor = np.float32(amplitude(gain))

        def parts() -> Iterator[Wave]:
            for start, stop in blocks(self.wave.shape[1], self.rate):
                yield self.wave[:, start:stop] * factor

        return Mastered(
            parts=parts,
            samples=self.wave.shape[1],
            channels=len(self.wave),
            target_lufs=target_lufs,
            ceiling_db=ceiling_db,
            true_peak_db=peak + gain,
            peak_limited=gain < target_lufs - lufs,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What an encoding is measured against.

    lufs, tolerance_lu: integrated loudness, and how far from it is near enough.  ceiling_db: true peak in
    dBTP.  limited: the ceiling is kept by mastering lower; else it only decides between encodings that
    come near the loudness.  max_encodings: how often is tried.
    """

    lufs: float
    tolerance_lu: float
    ceiling_db: float
    limited: bool = True
    max_encodings: int = 5


@dataclass(frozen=True, slots=True)
class Encoding:
    """A file in a scratch folder, and what was measured on it after decoding."""

    file: Path
    samples: int
    channels: int
    lufs: float
    true_peak_db: float
    peak_limited: bool


def encode_until_it_fits(
    source: Source, kbps: int, scratch: Path, goal: Goal, *, target_lufs: float, ceiling_db: float
) -> Encoding:
    """Encode until the goal is met; return the nearest encoding, one below the ceiling before any above.

    target_lufs, ceiling_db: what the source is asked for at first, where the encoder's effect is known
    beforehand. Raises RenderError where the encoder fails, or where every encoding of a limited goal is
    above its ceiling.
    """
    tried: list[Encoding] = []
    for attempt in range(goal.max_encodings):
        mastered = source.at(target_lufs, ceiling_db)
        encoding = _encoded(mastered, source.rate, kbps, scratch)
        tried.append(encoding)
        off = goal.lufs - encoding.lufs
        over = encoding.true_peak_db - goal.ceiling_db if goal.limited else 0.0
        if over <= 0 and (encoding.peak_limited or abs(off) <= goal.tolerance_lu):
            break
        if over > 0:
            lower = over + OVERSHOOT_MARGIN_DB * 2**attempt
            ceiling_db = min(ceiling_db, mastered.true_peak_db) - lower
        if not encoding.peak_limited:
            # A hundredth of a decibel can make the encoder decide otherwise, and blocks pass the loudness
            # gate or not: the result jumps about its goal, and half steps find it.
            target_lufs += off if attempt == 0 else off / 2
    best = min(tried, key=lambda one: (one.true_peak_db > goal.ceiling_db, abs(goal.lufs - one.lufs)))
    if goal.limited and best.true_peak_db > goal.ceiling_db:
        raise RenderError(
            f"The MP3 could not be kept under a true peak of {goal.ceiling_db:g} dBTP. Ask again."
        )
    return best


def _encoded(mastered: Mastered, rate: int, kbps: int, scratch: Path) -> Encoding:
    file = mp3.encode_parts(mastered.parts, mastered.samples, mastered.channels, rate, kbps, scratch)
    made = measured(file, mastered.peak_limited)
    if abs(made.samples - mastered.samples) > LENGTH_TOLERANCE_SECONDS * rate:
        raise RenderError("The MP3 encoder lost part of the clip. Try again.")
    return made


def measured(file: Path, peak_limited: bool) -> Encoding:
    """Return an audio file with its length, loudness and true peak, decoded part by part."""
    with soundfile.SoundFile(file) as audio:
        rate, samples, channels = audio.samplerate, audio.frames, audio.channels

        def parts() -> Iterator[Wave]:
            for start, stop in blocks(samples, rate, CHUNK):
                yield np.ascontiguousarray(audio.read(stop - start, dtype="float32", always_2d=True).T)

        lufs, peak = levels_of(parts(), samples, rate)
    return Encoding(file, samples, channels, lufs, peak, peak_limited)
