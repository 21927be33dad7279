"""Loudness and true peak of a waveform, as ITU-R BS.1770-4 defines them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyloudnorm
from scipy import ndimage, signal

Wave = npt.NDArray[np.float32]
"""Audio as float32 [channels, samples], full scale at ±1."""

TRUE_PEAK_RATE = 192_000
"""BS.1770-4, Annex 2 measures a true peak at 192 kHz or more: four times 48 kHz."""

_TAPS_EACH_SIDE = 10
"""Input samples on each side of an interpolated one; Annex 2's own filter has six."""

_CHUNK = 32
_CHUNKS_AT_ONCE = 4096


def loudness(wave: Wave, rate: int) -> float:
    """Return the integrated loudness in LUFS, −inf when no block passes the gate at −70 LUFS.

    A wave shorter than the 400 ms gating block is measured as a single block of its own length: the
    standard's sum without its gating, which needs more than one block. Uses pyloudnorm's "DeMan"
    filters, which match the standard's coefficients at 48 kHz, where its default ones only come near.
    """
    meter = weighting(rate)
    meter.block_size = gating_block(wave.shape[1] / rate)
    return float(meter.integrated_loudness(wave.T.astype(np.float64)))


def weighting(rate: int) -> pyloudnorm.Meter:
    """Return a meter with BS.1770-4's K-weighting for this sample rate in Hz."""
    return pyloudnorm.Meter(rate, filter_class="DeMan")


def weighted(wave: Wave, rate: int) -> npt.NDArray[np.float64]:
    """Return a wave [channels, samples] with BS.1770-4's K-weighting, without the channels' weights."""
    found = wave.astype(np.float64)
    for stage in weighting(rate)._filters.values():
        found = stage.apply_filter(found)
    return found


def gating_block(seconds: float) -> float:
    """Return BS.1770-4's 0.4 s, or a hair less than a shorter wave has, lest rounding exceed it."""
    return min(0.4, seconds * (1 - 1e-9))


def true_peak(wave: Wave, rate: int) -> float:
    """Return the true peak in dBTP, the highest of all channels; −inf for digital silence."""
    loudest = float(np.abs(wave).max(initial=0.0))
    return decibels(float(interpolated_peaks(wave, rate, above=loudest).max(initial=0.0)))


def interpolated_peaks(wave: Wave, rate: int, above: float) -> npt.NDArray[np.float32]:
    """Return [samples]: the highest |value| of all channels from each sample up to the next one.

    Oversamples to at least 192 kHz. Interpolating costs most of the time, and one output sample is at
    most `gain` times the loudest input sample it is made of; so a stretch that cannot come to `above`
    (linear) by that bound is left as its plain |samples|. What does come to it is exact.
    """
    oversampling = -(-TRUE_PEAK_RATE // rate)
    interpolator, gain = _interpolator(oversampling)
    samples = wave.shape[1]
    chunks = -(-samples // _CHUNK)
    tail = chunks * _CHUNK - samples
    peaks = np.pad(np.abs(wave).max(axis=0), (0, tail)).reshape(chunks, _CHUNK)
    hot = np.flatnonzero(ndimage.maximum_filter1d(peaks.max(axis=1), size=3, mode="nearest") * gain >= above)
    padded = np.pad(wave, ((0, 0), (_TAPS_EACH_SIDE, tail + _TAPS_EACH_SIDE)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(interpolator), axis=1)[:, ::_CHUNK]
    for first in range(0, hot.size, _CHUNKS_AT_ONCE):
        some = hot[first : first + _CHUNKS_AT_ONCE]
        fine = windows[:, some] @ interpolator
        np.abs(fine, out=fine)
        peaks[some] = fine.reshape(-1, some.size, oversampling, _CHUNK).max(axis=(0, 2))
    return peaks.reshape(-1)[:samples]


@lru_cache(maxsize=8)
def _interpolator(oversampling: int) -> tuple[npt.NDArray[np.float32], float]:
    """Return a windowed sinc as a matrix, and the most it can raise a sample's absolute value by.

    The matrix [_CHUNK + 2·_TAPS_EACH_SIDE, oversampling·_CHUNK] takes a chunk with its surroundings to
    its interpolated values, all of the first phase, then all of the next; one product does what a loop
    over taps would.
    """
    reach = _TAPS_EACH_SIDE * oversampling
    taps = signal.firwin(2 * reach + 1, 1 / oversampling, window=("kaiser", 5.0)) * oversampling
    gain = max(float(np.abs(taps[phase::oversampling]).sum()) for phase in range(oversampling))
    inputs = (np.arange(_CHUNK + 2 * _TAPS_EACH_SIDE) - _TAPS_EACH_SIDE) * oversampling
    outputs = np.arange(_CHUNK * oversampling).reshape(_CHUNK, oversampling).T.reshape(-1)
    distance = outputs[np.newaxis] - inputs[:, np.newaxis]
    matrix = np.where(np.abs(distance) <= reach, taps[np.clip(distance + reach, 0, 2 * reach)], 0.0)
    return matrix.astype(np.float32), gain


def decibels(amplitude: float) -> float:
    """Return a linear amplitude as dB, −inf for 0."""
    return float(20 * np.log10(amplitude)) if amplitude > 0 else float("-inf")


def amplitude(db: float) -> float:
    """Return dB as a linear amplitude."""
    return float(10 ** (db / 20))
