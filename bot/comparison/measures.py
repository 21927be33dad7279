"""Measures of a clip's sound, pure functions of a wave float32 [channels, samples] and its rate in Hz."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import signal

from bot.audio.meter import Wave, weighted

LOW_MIDS = (200.0, 500.0)
"""Hz; where the comparison that is quoted beside ours looked for muddiness."""
SILENCE_DB = -120.0
_BANDS_HZ = 1000 * 2.0 ** (np.arange(-13, 13) / 3)
"""Centres of third octaves from 50 Hz to 16 kHz (IEC 61260-1)."""
_FLUX_SECONDS = 0.02
_TEMPO_SECONDS, _TEMPO_HOP_SECONDS = 6.0, 2.0
_BEAT_SECONDS = (60 / 180, 60 / 60)
_SHORT_TERM_SECONDS, _SHORT_TERM_HOP_SECONDS = 3.0, 1.0
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -20.0

FloatArray = npt.NDArray[np.float64]


def band_share(wave: Wave, rate: int, low: float = LOW_MIDS[0], high: float = LOW_MIDS[1]) -> float:
    """Return the share of a clip's energy between two frequencies in Hz, 0 to 1."""
    hz, power = _spectrum(wave, rate)
    total = power.sum()
    return float(power[(hz >= low) & (hz < high)].sum() / total) if total > 0 else 0.0


def third_octaves(wave: Wave, rate: int) -> FloatArray:
    """Return the level of each third octave in dB of the whole energy, [26]; −120 for nothing."""
    hz, power = _spectrum(wave, rate)
    edge = 2 ** (1 / 6)
    shares = [power[(hz >= centre / edge) & (hz < centre * edge)].sum() for centre in _BANDS_HZ]
    relative = np.asarray(shares, np.float64) / max(float(power.sum()), 1e-30)
    return np.asarray(np.maximum(10 * np.log10(np.maximum(relative, 1e-30)), SILENCE_DB))


def loudness_range(wave: Wave, rate: int) -> float:
    """Return the loudness range in LU by EBU Tech 3342: short-term loudness, gated, 10 to 95 %.

    0 for a clip shorter than the window of 3 s, or silent.
    """
    length, hop = round(_SHORT_TERM_SECONDS * rate), round(_SHORT_TERM_HOP_SECONDS * rate)
    sums = np.concatenate([[0.0], np.cumsum((weighted(wave, rate) ** 2).sum(0))])
    starts = np.arange(0, wave.shape[1] - length + 1, hop)
    power = (sums[starts + length] - sums[starts]) / length
    levels = -0.691 + 10 * np.log10(np.maximum(power, 1e-30))
    kept = levels > _ABSOLUTE_GATE
    if not kept.any():
        return 0.0
    gate = -0.691 + 10 * math.log10(float(power[kept].mean())) + _RELATIVE_GATE
    low, high = np.percentile(levels[kept & (levels > gate)], [10, 95])
    return float(high - low)


def tempo_drift(wave: Wave, rate: int) -> float | None:
    """Return how much the beat's period varies within a clip, as a share of its mean; 0 is steady.

    The period is read in windows of 6 s, every 2 s, from the autocorrelation of onsets near that of the whole
    clip, so halving and doubling of the tempo do not count. None where there are fewer than two windows, or
    no onsets.
    """
    onsets, step = _onsets(wave, rate)
    length, hop = round(_TEMPO_SECONDS / step), round(_TEMPO_HOP_SECONDS / step)
    whole = _period(onsets, _BEAT_SECONDS[0] / step, _BEAT_SECONDS[1] / step)
    starts = range(0, len(onsets) - length + 1, hop)
    if whole is None or len(starts) < 2:
        return None
    found = [_period(onsets[at : at + length], whole * 0.85, whole * 1.15) for at in starts]
    periods = [period for period in found if period is not None]
    return float(np.std(periods) / np.mean(periods)) if len(periods) > 1 else None


def spread(profiles: list[FloatArray]) -> float:
    """Return the mean distance in dB between the spectra of clips, over each pair, from third_octaves."""
    pairs = [(a, b) for number, a in enumerate(profiles) for b in profiles[:number]]
    return float(np.mean([np.abs(a - b).mean() for a, b in pairs])) if pairs else 0.0


def growth_exponent(lengths: list[float], seconds: list[float]) -> float | None:
    """Return the slope of log(seconds) over log(length): 1 where the time grows as the length does."""
    if len(set(lengths)) < 2 or min(seconds) <= 0:
        return None
    return float(np.polyfit(np.log(lengths), np.log(seconds), 1)[0])


def _spectrum(wave: Wave, rate: int) -> tuple[FloatArray, FloatArray]:
    hz, power = signal.welch(wave.astype(np.float64), rate, nperseg=min(8192, wave.shape[1]))
    return hz, power.sum(0)


def _onsets(wave: Wave, rate: int) -> tuple[FloatArray, float]:
    """Return the spectral flux of a clip, and the seconds from one value to the next."""
    hop = round(_FLUX_SECONDS * rate)
    _, _, spectrum = signal.stft(wave.mean(0), rate, nperseg=4 * hop, noverlap=3 * hop)
    rise = np.maximum(np.diff(np.log1p(1000 * np.abs(spectrum)), axis=1), 0).sum(0)
    return rise - rise.mean(), hop / rate


def _period(onsets: FloatArray, shortest: float, longest: float) -> float | None:
    """Return the lag of the highest autocorrelation between two lags, to a fraction of a step."""
    curve = signal.correlate(onsets, onsets, method="fft")[len(onsets) - 1 :]
    low, high = max(1, math.floor(shortest)), min(len(curve) - 2, math.ceil(longest))
    if high <= low or curve[0] <= 0:
        return None
    at = low + int(np.argmax(curve[low : high + 1]))
    before, peak, after = curve[at - 1 : at + 2]
    bend = before - 2 * peak + after
    return at + (0.5 * (before - after) / bend if bend < 0 else 0.0)
