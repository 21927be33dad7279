"""Audio features computed without a model: log-mel spectrogram, onsets, tempo, key, brightness, silence."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.signal

FloatArray = npt.NDArray[np.float32]

RATE = 16_000
FFT, HOP, BANDS = 1024, 256, 64
FRAMES_PER_SECOND = RATE / HOP
TEMPO_RANGE = (45.0, 205.0)
MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
"""Key profiles after Krumhansl and Kessler (1982)."""


def mono(wave: FloatArray, sample_rate: int) -> FloatArray:
    """Return a wave [channels, n] or [n] as float32 [m] at 16 kHz."""
    flat = np.asarray(wave, np.float32)
    flat = flat.mean(0) if flat.ndim == 2 else flat
    divisor = math.gcd(sample_rate, RATE)
    return np.asarray(scipy.signal.resample_poly(flat, RATE // divisor, sample_rate // divisor), np.float32)


def log_mel(wave: FloatArray) -> FloatArray:
    """Return the natural logarithm of mel power, float32 [64, frames], of mono audio at 16 kHz.

    62.5 frames a second.

    The level of the clip is taken out: its mean power is 1.
    """
    wave = wave / (np.sqrt(np.mean(wave**2)) + 1e-7)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, FFT // 2), FFT)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(FFT).astype(np.float32), axis=1)) ** 2
    return np.asarray(np.log(_mel_filters() @ power.T / FFT + 1e-5), np.float32)


def onset_strength(mel: FloatArray) -> FloatArray:
    """Return how much begins in each frame, float32 [frames]: the mean rise of the log-mel bands."""
    rise = np.maximum(0, np.diff(mel, axis=1, prepend=mel[:, :1])).mean(0)
    smooth = np.convolve(rise, np.hanning(5) / 2.0, "same")
    return np.asarray(np.maximum(0, smooth - np.convolve(smooth, np.ones(31) / 31, "same")), np.float32)


def autocorrelation(strength: FloatArray) -> FloatArray:
    """Return the unbiased autocorrelation of onset strength, 1 at lag 0, float32 [4 s of lags]."""
    centred = strength - strength.mean()
    lags = min(round(4 * FRAMES_PER_SECOND), len(centred) - 1)
    full = scipy.signal.correlate(centred, centred, "full", "fft")[len(centred) - 1 :][:lags]
    count = np.arange(len(centred), len(centred) - lags, -1)
    return np.asarray(full / count / (full[0] / len(centred) + 1e-12), np.float32)


def tempo(strength: FloatArray) -> float:
    """Return beats per minute, 45 to 205: the comb of four beats that fits the autocorrelation best."""
    curve = autocorrelation(strength)
    lags = np.arange(len(curve))
    best, best_score = 120.0, -np.inf
    for bpm in np.exp(np.linspace(math.log(TEMPO_RANGE[0]), math.log(TEMPO_RANGE[1]), 500)):
        beat = 60 / bpm * FRAMES_PER_SECOND
        places = np.array([0.25, 0.5, 1, 2, 3, 4]) * beat
        inside = places < len(curve) - 1
        weights = np.array([0.25, 0.5, 1, 1, 0.6, 0.8])[inside]
        score = float(np.sum(weights * np.interp(places[inside], lags, curve)) / weights.sum())
        score *= math.exp(-0.5 * (math.log2(bpm / 110) / 1.4) ** 2)
        if score > best_score:
            best, best_score = float(bpm), score
    return best


def same_tempo(detected: float, asked: float, tolerance: float = 0.04) -> bool:
    """Tell whether two tempi agree up to a factor of 2, 3, 1.5 or their inverses."""
    return any(
        abs(detected * factor / asked - 1) <= tolerance
        for factor in (1, 2, 0.5, 3, 1 / 3, 1.5, 2 / 3, 4, 0.25)
    )


def chroma(wave: FloatArray) -> FloatArray:
    """Return the share of each pitch class in the power of mono audio at 16 kHz, float32 [12].

    Summing to 1.
    """
    size = 8192
    padded = np.pad(wave, (0, max(0, size - len(wave))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 4]
    magnitude = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)).mean(0)
    frequency = np.fft.rfftfreq(size, 1 / RATE)
    band = (frequency > 80) & (frequency < 2000)
    peaks = band & (magnitude > np.roll(magnitude, 1)) & (magnitude > np.roll(magnitude, -1))
    classes = np.round(69 + 12 * np.log2(frequency[peaks] / 440)).astype(int) % 12
    out = np.bincount(classes, magnitude[peaks], minlength=12)
    return np.asarray(out / (out.sum() + 1e-12), np.float32)


def key(shares: FloatArray) -> tuple[int, bool]:
    """Return (pitch class of the tonic, whether minor) that fits a chroma best."""
    scores = [
        (float(np.corrcoef(np.roll(profile, tonic), shares)[0, 1]), tonic, profile is MINOR)
        for tonic in range(12)
        for profile in (MAJOR, MINOR)
    ]
    _, tonic, minor = max(scores)
    return tonic, minor


def brightness(wave: FloatArray) -> float:
    """Return the spectral centroid of mono audio at 16 kHz, in Hz."""
    power = np.abs(np.fft.rfft(wave)) ** 2
    return float(np.sum(np.fft.rfftfreq(len(wave), 1 / RATE) * power) / (power.sum() + 1e-12))


def longest_silence(wave: FloatArray, floor: float = 0.01) -> float:
    """Return the longest stretch, in seconds, whose level stays under `floor` of the clip's loudest."""
    size = RATE // 50
    level = np.sqrt(np.mean(wave[: len(wave) // size * size].reshape(-1, size) ** 2, axis=1))
    quiet = np.concatenate([[False], level < floor * level.max(), [False]])
    edges = np.flatnonzero(np.diff(quiet.astype(int)))
    return float(np.max(edges[1::2] - edges[::2], initial=0)) * size / RATE


@lru_cache(maxsize=1)
def _mel_filters() -> FloatArray:
    def to_mel(hertz: npt.ArrayLike) -> npt.NDArray[np.float64]:
        return np.asarray(2595 * np.log10(1 + np.asarray(hertz) / 700))

    edges = 700 * (10 ** (np.linspace(to_mel(40), to_mel(RATE / 2), BANDS + 2) / 2595) - 1)
    frequency = np.fft.rfftfreq(FFT, 1 / RATE)
    rise = (frequency - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - frequency) / (edges[2:] - edges[1:-1])[:, None]
    filters = np.maximum(0, np.minimum(rise, fall))
    return np.asarray(filters / np.maximum(filters.sum(1, keepdims=True), 1e-9), np.float32)
