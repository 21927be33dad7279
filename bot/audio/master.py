"""Mastering: DC offset removed, short fades, −14 LUFS or as loud as a true peak of −1 dBTP allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
from scipy import optimize, signal

from bot.audio.blocks import blocks
from bot.audio.limiter import Envelope, unit
from bot.audio.meter import Wave, amplitude, decibels

TARGET_LUFS = -14.0
CEILING_DB = -1.0
"""Integrated loudness and true peak (dBTP) that Spotify plays at and asks masters to keep
("Loudness normalization", artists.spotify.com)."""

MAX_LIMITING_DB = 9.0
"""The most the limiter takes off a peak. Dry drums gain 1.5 LU from the step from 6 to 9 dB; beyond it
the hits flatten for less than half a LU a decibel, and such clips stay under −14 LUFS."""

LOUDNESS_STEP_LU = 0.1
"""How near the target loudness has to come; and what is not worth driving the limiter further for."""

HIGH_PASS_HZ = 10.0
"""Corner of the second-order Butterworth that takes the offset; 0.1 dB down at 26 Hz, below any bass."""

FADE_IN_SECONDS = 0.005
FADE_OUT_SECONDS = 0.05
"""Raised-cosine fades: no click at the start and no softened attack; no click at the end."""


@dataclass(frozen=True, slots=True)
class Mastered:
    """A mastered wave: it is made part by part, and never whole.

    parts: begins it anew, in parts [channels, n].  samples, channels: of the whole.
    target_lufs, ceiling_db: what was asked for.  true_peak_db: in dBTP.
    peak_limited: its peaks kept it under the target.
    """

    parts: Callable[[], Iterator[Wave]]
    samples: int
    channels: int
    target_lufs: float
    ceiling_db: float
    true_peak_db: float
    peak_limited: bool

    @property
    def wave(self) -> Wave:
        """The whole wave [channels, samples]."""
        return np.concatenate(list(self.parts()), axis=1)


@dataclass(frozen=True)
class Master:
    """One clip: measured once, then mastered to as many targets as an encoder asks for.

    wave: float32 [channels, samples], finite and not silent, at any level.  rate: in Hz.
    """

    wave: Wave
    rate: int

    @cached_property
    def _loudest(self) -> float:
        """The highest absolute sample of the wave as it came."""
        return float(max(self.wave.max(), -self.wave.min()))

    @cached_property
    def _highest(self) -> float:
        """The highest absolute sample of the wave at full scale, without its offset."""
        return max(float(np.abs(part).max()) for part in self._filtered())

    def _filtered(self) -> Iterator[npt.NDArray[np.float64]]:
        """Yield the wave at full scale without offset, faded in and out, in parts."""
        samples, filtered = self.wave.shape[1], _HighPass(self.rate, len(self.wave))
        head = self.wave[:, : max(1, self.rate // 10)].astype(np.float64) / self._loudest
        # Where the offset starts from; the filter takes what is left of it, without a jolt at the start.
        offset = head.mean(axis=1, keepdims=True)
        for start, stop in blocks(samples, self.rate, unit(self.rate)):
            part = self.wave[:, start:stop].astype(np.float64) / self._loudest
            part = filtered(part - offset)
            _fade(part, start, samples, self.rate)
            yield part

    def _clean(self) -> Iterator[Wave]:
        """Yield `_filtered` with its highest sample at 1, as float32."""
        for part in self._filtered():
            yield (part / self._highest).astype(np.float32)

    @cached_property
    def _envelope(self) -> Envelope:
        return Envelope.of(self._clean(), self.rate, above=amplitude(-MAX_LIMITING_DB))

    def at(self, target_lufs: float = TARGET_LUFS, ceiling_db: float = CEILING_DB) -> Mastered:
        """Return the wave at a loudness (LUFS), or as loud as a ceiling (dBTP) allows with 9 dB of limiting.

        Where limiting harder makes a clip less than 0.1 LU louder, it is left alone.
        """
        envelope = self._envelope
        untouched = ceiling_db - decibels(float(envelope.peaks.max()))

        @cache
        def loudness(drive: float) -> float:
            return envelope.loudness(envelope.gain(drive, ceiling_db))

        free = loudness(untouched)
        reached = loudness(untouched + MAX_LIMITING_DB) - LOUDNESS_STEP_LU
        goal = min(target_lufs, reached)
        if free >= target_lufs:
            drive = untouched + target_lufs - free
        elif free >= goal:
            drive = untouched
        else:
            drive = optimize.brentq(
                lambda db: loudness(db) - goal,
                untouched,
                untouched + MAX_LIMITING_DB,
                xtol=LOUDNESS_STEP_LU / 2,
            )
        gain = envelope.gain(drive, ceiling_db)

        def parts() -> Iterator[Wave]:
            first = 0
            for part in self._clean():
                yield envelope.apply(part, gain, first)
                first += part.shape[1]

        return Mastered(
            parts=parts,
            samples=self.wave.shape[1],
            channels=len(self.wave),
            target_lufs=target_lufs,
            ceiling_db=ceiling_db,
            true_peak_db=decibels(float((envelope.peaks * gain).max())),
            peak_limited=max(free, reached) < target_lufs,
        )


class _HighPass:
    """The filter that takes the offset, part after part."""

    def __init__(self, rate: int, channels: int) -> None:
        self._sections = signal.butter(2, HIGH_PASS_HZ, "highpass", fs=rate, output="sos")
        self._state = np.zeros((len(self._sections), channels, 2))

    def __call__(self, part: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        found, self._state = signal.sosfilt(self._sections, part, axis=1, zi=self._state)
        return np.asarray(found)


def _fade(part: npt.NDArray[np.float64], start: int, samples: int, rate: int) -> None:
    """Fade a part [channels, n] of a wave of so many samples in and out, in place."""
    for seconds, edge, direction in ((FADE_IN_SECONDS, 0, 1), (FADE_OUT_SECONDS, samples, -1)):
        length = min(round(seconds * rate), samples // 4)
        rise = np.sin(np.linspace(0, np.pi / 2, length, endpoint=False))[::direction] ** 2
        first = edge if direction > 0 else edge - length
        low, high = max(first, start), min(first + length, start + part.shape[1])
        if low < high:
            part[:, low - start : high - start] *= rise[low - first : high - first]
