"""Mastering: DC offset removed, short fades, −14 LUFS or as loud as a true peak of −1 dBTP allows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
from scipy import optimize, signal

from bot.audio.limiter import Envelope
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
    """A mastered wave [channels, samples].

    target_lufs, ceiling_db: what was asked for.  true_peak_db: in dBTP.
    peak_limited: its peaks kept it under the target.
    """

    wave: Wave
    target_lufs: float
    ceiling_db: float
    true_peak_db: float
    peak_limited: bool


@dataclass(frozen=True)
class Master:
    """One clip: measured once, then mastered to as many targets as an encoder asks for.

    wave: float32 [channels, samples], finite and not silent, at any level.  rate: in Hz.
    """

    wave: Wave
    rate: int

    @cached_property
    def _clean(self) -> Wave:
        """The wave at full scale without offset, faded in and out."""
        wave = self.wave.astype(np.float64) / np.abs(self.wave).max()
        # Where the offset starts from; the filter takes what is left of it, without a jolt at the start.
        wave -= wave[:, : max(1, self.rate // 10)].mean(axis=1, keepdims=True)
        high_pass = signal.butter(2, HIGH_PASS_HZ, "highpass", fs=self.rate, output="sos")
        wave = signal.sosfilt(high_pass, wave, axis=1)
        wave *= _fades(wave.shape[1], self.rate)
        clean: Wave = (wave / np.abs(wave).max()).astype(np.float32)
        return clean

    @cached_property
    def _envelope(self) -> Envelope:
        return Envelope.of(self._clean, self.rate, above=amplitude(-MAX_LIMITING_DB))

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
        return Mastered(
            wave=envelope.apply(self._clean, gain),
            target_lufs=target_lufs,
            ceiling_db=ceiling_db,
            true_peak_db=decibels(float((envelope.peaks * gain).max())),
            peak_limited=max(free, reached) < target_lufs,
        )


def _fades(samples: int, rate: int) -> npt.NDArray[np.float64]:
    window = np.ones(samples)
    for seconds, part in ((FADE_IN_SECONDS, slice(None)), (FADE_OUT_SECONDS, slice(None, None, -1))):
        length = min(round(seconds * rate), samples // 4)
        window[part][:length] *= np.sin(np.linspace(0, np.pi / 2, length, endpoint=False)) ** 2
    return window
