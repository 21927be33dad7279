"""A look-ahead limiter that works on true peaks.

The gain falls smoothly before a peak arrives and comes back slowly after it. All of that is decided
for blocks of a third of a millisecond, far shorter than any of its times, and interpolated between them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyloudnorm
from scipy import ndimage

from bot.audio.blocks import with_margins
from bot.audio.meter import CHUNK, Wave, Weighting, amplitude, gating_block, interpolated_peaks

LOOKAHEAD_SECONDS = 0.005
RELEASE_SECONDS = 0.1
"""How long before a peak the gain begins to fall, and the time constant of its return. Spotify states
5 ms and 100 ms for the limiter it plays soft, dynamic tracks through ("Loudness normalization",
artists.spotify.com). Several periods of a low note fit the release, so the gain follows the level and
not the waveform: a 40 Hz sine limited by 7 dB gets less than 1 % of distortion."""

_BLOCKS_A_SECOND = 3_000


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the limiter and its loudness depend on, at block rate: enough to try gains without the wave.

    peaks: [blocks], the highest true peak of all channels, linear.
    energy: [blocks], the mean squares of all channels after K-weighting, added up.
    block: samples in a block.  rate: sample rate in Hz.
    """

    peaks: npt.NDArray[np.float64]
    energy: npt.NDArray[np.float64]
    block: int
    rate: int

    @classmethod
    def of(cls, parts: Iterable[Wave], rate: int, above: float) -> Envelope:
        """Measure a wave that comes in parts [channels, n], all but the last a multiple of `unit(rate)` long.

        True peaks are exact from `above` (linear) on.
        """
        block, margin, weighting = _block(rate), unit(rate), Weighting(rate)
        peaks, energies = [], []

        def weighed() -> Iterator[Wave]:
            for part in parts:
                squares = np.square(weighting(part)).sum(axis=0)
                starts = np.arange(0, len(squares), block)
                energies.append(np.add.reduceat(squares, starts) / np.diff(starts, append=len(squares)))
                yield part

        for part, left, right in with_margins(weighed(), margin):
            highest = interpolated_peaks(part, rate, above)[left : part.shape[1] - right]
            peaks.append(np.maximum.reduceat(highest, np.arange(0, len(highest), block)))
        return cls(np.concatenate(peaks).astype(np.float64), np.concatenate(energies), block, rate)

    def gain(self, drive_db: float, ceiling_db: float) -> npt.NDArray[np.float64]:
        """Return [blocks], linear: the drive less what the limiter takes off to keep the ceiling in dBTP."""
        drive = amplitude(drive_db)
        over = np.maximum(self.peaks * drive / amplitude(ceiling_db), 1.0)
        if over.max() == 1.0:
            return np.full(over.shape, drive)
        half = max(1, round(LOOKAHEAD_SECONDS / 2 * self.rate / self.block))
        # The maximum is held as far as the two averages reach, and a block more for the interpolation:
        # so their result is never short of what a peak needs.
        reduction = ndimage.maximum_filter1d(1 - 1 / over, size=2 * half + 3, mode="nearest")
        reduction = _released(reduction, RELEASE_SECONDS * self.rate / self.block)
        for _ in range(2):
            reduction = ndimage.uniform_filter1d(reduction, size=half, mode="nearest")
        gain: npt.NDArray[np.float64] = drive * (1 - reduction)
        return gain

    def loudness(self, gain: npt.NDArray[np.float64]) -> float:
        """Return an estimate of the limited wave's loudness in LUFS.

        The mean square of a block, weighted before the gain instead of after it, is fed to the gating as
        a signal at block rate. Near enough to choose a drive by: the gain is slow against the weighting.
        """
        rate = self.rate / self.block
        block_size = gating_block(len(self.peaks) / rate)
        meter = pyloudnorm.Meter(rate, filter_class="custom", block_size=block_size)
        return float(meter.integrated_loudness(np.sqrt(self.energy) * gain))

    def apply(self, wave: Wave, gain: npt.NDArray[np.float64], first: int = 0) -> Wave:
        """Return a part of the wave under a gain at block rate, interpolated between the blocks' centres.

        first: the part's first sample in the wave.
        """
        centres = (np.arange(len(gain)) + 0.5) * self.block - 0.5
        time = np.arange(first, first + wave.shape[1])
        applied: Wave = wave * np.interp(time, centres, gain).astype(np.float32)
        return applied


def unit(rate: int) -> int:
    """Return the samples of which a part that is measured has a multiple, at a rate in Hz."""
    return math.lcm(2 * CHUNK, _block(rate))


def _block(rate: int) -> int:
    return max(1, rate // _BLOCKS_A_SECOND)


def _released(reduction: npt.NDArray[np.float64], blocks: float) -> npt.NDArray[np.float64]:
    """Return the reduction with an exponential decay, time constant `blocks`, after each of its peaks.

    out[n] = max(in[n], out[n−1]·e^(−1/blocks)) is a running maximum once the decay is divided out.
    """
    decay = np.arange(len(reduction)) / blocks
    with np.errstate(divide="ignore"):
        levels = np.log(reduction) + decay
    return np.exp(np.maximum.accumulate(levels) - decay)
