"""Loudness and true peak of a waveform, as ITU-R BS.1770-4 defines them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyloudnorm
from scipy import ndimage, signal

from bot.audio.blocks import blocks, with_margins

Wave = npt.NDArray[np.float32]
"""Audio as float32 [channels, samples], full scale at ±1."""

TRUE_PEAK_RATE = 192_000
"""BS.1770-4, Annex 2 measures a true peak at 192 kHz or more: four times 48 kHz."""

_TAPS_EACH_SIDE = 10
"""Input samples on each side of an interpolated one; Annex 2's own filter has six."""

CHUNK = 32
"""Samples that are interpolated together, with as many on both sides."""
_MARGIN = 2 * CHUNK
_STEP = 0.25
"""Of a gating block, from one to the next: they overlap by 75 %."""
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0
_CHUNKS_AT_ONCE = 4096


def loudness(wave: Wave, rate: int) -> float:
    """Return the integrated loudness in LUFS, −inf when no block passes the gate at −70 LUFS.

    A wave shorter than the 400 ms gating block is measured as a single block of its own length: the
    standard's sum without its gating, which needs more than one block. Uses pyloudnorm's "DeMan"
    filters, which match the standard's coefficients at 48 kHz, where its default ones only come near.
    """
    meter = LoudnessMeter(wave.shape[1], rate)
    for part in _parts(wave, rate):
        meter.add(part)
    return meter.lufs()


class LoudnessMeter:
    """Measures `loudness` of a wave of so many samples that comes in parts [channels, n]."""

    def __init__(self, samples: int, rate: int) -> None:
        length = gating_block(samples / rate)
        count = round((samples / rate - length) / (length * _STEP)) + 1
        # In pyloudnorm's own arithmetic, so that both round alike.
        self._edges = [
            (int(length * (n * _STEP) * rate), int(length * (n * _STEP + 1) * rate)) for n in range(count)
        ]
        self._scale = 1.0 / (length * rate)
        self._powers: list[list[float]] = []
        self._weighting = Weighting(rate)
        self._kept: npt.NDArray[np.float64] | None = None
        self._first = 0

    def add(self, part: Wave) -> None:
        """Add the next part of the wave."""
        heavy = self._weighting(part)
        if self._kept is not None:
            first = self._edges[len(self._powers)][0] if len(self._powers) < len(self._edges) else self._end
            heavy = np.concatenate([self._kept[:, first - self._first :], heavy], axis=1)
            self._first = first
        self._kept = heavy
        self._take(until=self._end)

    def lufs(self) -> float:
        """Return the loudness of what was added: gated as the standard says, at −70 LUFS and 10 LU below."""
        # By the rounding of their number, the last block may end up to half a step after the wave.
        self._take(until=math.inf)
        powers = np.array(self._powers).T
        with np.errstate(divide="ignore", invalid="ignore"):
            levels = _level(powers)
            gated = levels >= _ABSOLUTE_GATE
            if not gated.any():
                return float("-inf")
            threshold = _level(np.array([np.mean(row[gated]) for row in powers])) + _RELATIVE_GATE
            gated = (levels > threshold) & (levels > _ABSOLUTE_GATE)
            return float(_level(np.array([np.mean(row[gated]) for row in powers])))

    @property
    def _end(self) -> int:
        return self._first + (0 if self._kept is None else self._kept.shape[1])

    def _take(self, until: float) -> None:
        """Sum up the gating blocks that are there."""
        assert self._kept is not None
        while len(self._powers) < len(self._edges) and self._edges[len(self._powers)][1] <= until:
            low, high = (edge - self._first for edge in self._edges[len(self._powers)])
            self._powers.append([self._scale * float(np.sum(np.square(row[low:high]))) for row in self._kept])


def _level(powers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the loudness in LUFS of mean squares [channels, ...], added up without weights."""
    level: npt.NDArray[np.float64] = -0.691 + 10.0 * np.log10(powers.sum(axis=0))
    return level


def weighting(rate: int) -> pyloudnorm.Meter:
    """Return a meter with BS.1770-4's K-weighting for this sample rate in Hz."""
    return pyloudnorm.Meter(rate, filter_class="DeMan")


def weighted(wave: Wave, rate: int) -> npt.NDArray[np.float64]:
    """Return a wave [channels, samples] with BS.1770-4's K-weighting, without the channels' weights."""
    return Weighting(rate)(wave)


class Weighting:
    """BS.1770-4's K-weighting of a wave, part after part."""

    def __init__(self, rate: int) -> None:
        self._stages = [
            (stage.passband_gain, stage.b, stage.a) for stage in weighting(rate)._filters.values()
        ]
        self._states: list[npt.NDArray[np.float64]] | None = None

    def __call__(self, part: Wave) -> npt.NDArray[np.float64]:
        """Return the next part [channels, n] weighted."""
        found = part.astype(np.float64)
        if self._states is None:
            self._states = [np.zeros((len(found), 2)) for _ in self._stages]
        for number, (gain, b, a) in enumerate(self._stages):
            found, self._states[number] = signal.lfilter(b, a, found, zi=self._states[number])
            found = gain * found
        return found


def gating_block(seconds: float) -> float:
    """Return BS.1770-4's 0.4 s, or a hair less than a shorter wave has, lest rounding exceed it."""
    return min(0.4, seconds * (1 - 1e-9))


def true_peak(wave: Wave, rate: int) -> float:
    """Return the true peak in dBTP, the highest of all channels; −inf for digital silence."""
    return true_peak_of(_parts(wave, rate), rate)


def true_peak_of(parts: Iterable[Wave], rate: int) -> float:
    """Return `true_peak` of a wave that comes in parts [channels, n]."""
    highest = 0.0
    for part, left, right in with_margins(parts, _MARGIN):
        loudest = float(np.abs(part).max(initial=0.0))
        peaks = interpolated_peaks(part, rate, above=max(highest, loudest))
        highest = max(highest, float(peaks[left : len(peaks) - right].max(initial=0.0)))
    return decibels(highest)


def levels_of(parts: Iterable[Wave], samples: int, rate: int) -> tuple[float, float]:
    """Return loudness in LUFS and true peak in dBTP of a wave of so many samples that comes in parts."""
    meter = LoudnessMeter(samples, rate)

    def measured() -> Iterator[Wave]:
        for part in parts:
            meter.add(part)
            yield part

    peak = true_peak_of(measured(), rate)
    return meter.lufs(), peak


def _parts(wave: Wave, rate: int) -> Iterator[Wave]:
    return (wave[:, start:stop] for start, stop in blocks(wave.shape[1], rate, CHUNK))


def interpolated_peaks(wave: Wave, rate: int, above: float) -> npt.NDArray[np.float32]:
    """Return [samples]: the highest |value| of all channels from each sample up to the next one.

    Oversamples to at least 192 kHz. Interpolating costs most of the time, and one output sample is at
    most `gain` times the loudest input sample it is made of; so a stretch that cannot come to `above`
    (linear) by that bound is left as its plain |samples|. What does come to it is exact.
    """
    oversampling = -(-TRUE_PEAK_RATE // rate)
    interpolator, gain = _interpolator(oversampling)
    samples = wave.shape[1]
    chunks = -(-samples // CHUNK)
    tail = chunks * CHUNK - samples
    peaks = np.pad(np.abs(wave).max(axis=0), (0, tail)).reshape(chunks, CHUNK)
    hot = np.flatnonzero(ndimage.maximum_filter1d(peaks.max(axis=1), size=3, mode="nearest") * gain >= above)
    padded = np.pad(wave, ((0, 0), (_TAPS_EACH_SIDE, tail + _TAPS_EACH_SIDE)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(interpolator), axis=1)[:, ::CHUNK]
    for first in range(0, hot.size, _CHUNKS_AT_ONCE):
        some = hot[first : first + _CHUNKS_AT_ONCE]
        fine = windows[:, some] @ interpolator
        np.abs(fine, out=fine)
        peaks[some] = fine.reshape(-1, some.size, oversampling, CHUNK).max(axis=(0, 2))
    return peaks.reshape(-1)[:samples]


@lru_cache(maxsize=8)
def _interpolator(oversampling: int) -> tuple[npt.NDArray[np.float32], float]:
    """Return a windowed sinc as a matrix, and the most it can raise a sample's absolute value by.

    The matrix [CHUNK + 2·_TAPS_EACH_SIDE, oversampling·CHUNK] takes a chunk with its surroundings to
    its interpolated values, all of the first phase, then all of the next; one product does what a loop
    over taps would.
    """
    reach = _TAPS_EACH_SIDE * oversampling
    taps = signal.firwin(2 * reach + 1, 1 / oversampling, window=("kaiser", 5.0)) * oversampling
    gain = max(float(np.abs(taps[phase::oversampling]).sum()) for phase in range(oversampling))
    inputs = (np.arange(CHUNK + 2 * _TAPS_EACH_SIDE) - _TAPS_EACH_SIDE) * oversampling
    outputs = np.arange(CHUNK * oversampling).reshape(CHUNK, oversampling).T.reshape(-1)
    distance = outputs[np.newaxis] - inputs[:, np.newaxis]
    matrix = np.where(np.abs(distance) <= reach, taps[np.clip(distance + reach, 0, 2 * reach)], 0.0)
    return matrix.astype(np.float32), gain


def decibels(amplitude: float) -> float:
    """Return a linear amplitude as dB, −inf for 0."""
    return float(20 * np.log10(amplitude)) if amplitude > 0 else float("-inf")


def amplitude(db: float) -> float:
    """Return dB as a linear amplitude."""
    return float(10 ** (db / 20))
