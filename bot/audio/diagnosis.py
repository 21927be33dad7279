"""Signs of a failed render that music can have too: measured, reported with the clip, and no refusal.

A member may ask for white noise, a drone or a long silence; the member can tell, a measure cannot. What no
request explains is refused in `checks.py`.

On 120 renders of the two built-in models (prompts of the starter library, 10 to 30 s) nothing is reported:
at most 39 % of the frames were silent, peaks were −1.5 dBFS or more, the channels within 3.5 dB, the flatness
at most 0.09. Other models were not measured.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft, signal

from bot.audio.blocks import blocks
from bot.audio.meter import Wave, amplitude, decibels

FRAME_SECONDS = 0.02
"""Of a level: a click fills one, a note several."""
SILENCE_DB = -60.0
"""RMS of a frame, in dBFS, that is silent; the default of ffmpeg's silencedetect."""

SILENT_SHARE = 0.5
"""Share of silent frames that is reported."""
QUIET_DB = -45.0
"""Peak in dBFS under which a clip is reported as amplified: by 31 dB and more, with whatever noise it has."""
DEAD_SIDE_DB = -40.0
"""RMS of one channel against the other's."""
FLATNESS = 0.8
"""Spectral flatness (geometric over arithmetic mean of the power density, 100 Hz to 0.4 of the rate), from
which a whole clip is white noise, where its level is steady too: struck noise is a drum."""
REPEAT_CORRELATION = 0.999
REPEAT_SECONDS = (0.05, 2.0)
"""Autocorrelation, and the periods looked at: below the lowest pitch (20 Hz), up to a bar."""
_REPEAT_WINDOW_SECONDS = 8.0
_STEADY_DB = 3.0
"""A level that varies by less is a tone, a drone or noise: nothing is struck in it."""

Levels = npt.NDArray[np.float64]


def warnings(wave: Wave, rate: int) -> tuple[str, ...]:
    """Return a sentence for each sign of a failed render in a finite, audible wave [channels, samples]."""
    levels = frame_levels(wave, rate)
    found = [
        _silence(levels),
        _quiet(wave),
        _dead_side(wave),
        _noise(wave, rate, levels),
        _repetition(wave, rate),
    ]
    return tuple(sentence for sentence in found if sentence)


def frame_levels(wave: Wave, rate: int) -> Levels:
    """Return [frames]: RMS of each 20 ms, of the louder channel, linear."""
    size = max(1, round(FRAME_SECONDS * rate))
    found = []
    for start, stop in blocks(wave.shape[1], rate, size):
        starts = np.arange(0, stop - start, size)
        power = np.add.reduceat(np.square(wave[:, start:stop], dtype=np.float64), starts, axis=1)
        counts = np.diff(starts, append=stop - start)
        found.append(np.sqrt(power.max(axis=0) / counts))
    levels: Levels = np.concatenate(found)
    return levels


def share_above(hz: float, wave: Wave, rate: int) -> float:
    """Return how much of the power of a wave [channels, samples], less its offset, lies above a frequency."""
    total = above = 0.0
    for start, stop in blocks(wave.shape[1], rate):
        part = wave[:, start:stop]
        centred = part - part.mean(axis=1, keepdims=True)
        # A window over the whole part: without it the power of a low tone spreads upwards from its ends.
        spectrum = fft.rfft(centred * signal.windows.hann(part.shape[1]).astype(np.float32), axis=1)
        power = np.square(np.abs(spectrum)).sum(axis=0, dtype=np.float64)
        total += float(power.sum())
        above += float(power[int(np.ceil(hz * part.shape[1] / rate)) :].sum())
    return above / total if total else 0.0


def _steady(levels: Levels) -> bool:
    low, high = np.percentile(levels, (5, 95))
    return bool(low > 0 and decibels(float(high / low)) < _STEADY_DB)


def _silence(levels: Levels) -> str:
    sounding = np.flatnonzero(levels > amplitude(SILENCE_DB))
    silent = 1 - sounding.size / levels.size
    if silent < SILENT_SHARE:
        return ""
    after = (sounding[-1] + 1) / levels.size
    if 1 - after > silent / 2:
        return f"It is silent from {after * levels.size * FRAME_SECONDS:.1f} s."
    return f"It is silent for {silent:.0%} of its length."


def _quiet(wave: Wave) -> str:
    peak = decibels(float(max(wave.max(), -wave.min())))
    return f"It came out at {peak:.0f} dBFS and was amplified, noise and all." if peak < QUIET_DB else ""


def _dead_side(wave: Wave) -> str:
    if wave.shape[0] < 2:
        return ""
    # Without a copy in double precision: einsum converts piece by piece.
    left, right = (
        float(np.sqrt(np.einsum("i,i", side, side, dtype=np.float64) / side.size)) for side in wave
    )
    if min(left, right) > amplitude(DEAD_SIDE_DB) * max(left, right):
        return ""
    return f"Only the {'left' if left > right else 'right'} side has sound."


def _noise(wave: Wave, rate: int, levels: Levels) -> str:
    if not _steady(levels):
        return ""
    size = min(4096, wave.shape[1])
    spectra = [
        signal.welch(wave[:, start:stop].mean(axis=0, dtype=np.float64), rate, nperseg=size)
        for start, stop in blocks(wave.shape[1], rate)
        if stop - start >= size
    ]
    hz, density = spectra[0][0], np.mean([found for _, found in spectra], axis=0)
    band = density[(hz >= 100) & (hz <= 0.4 * rate)]
    if band.size < 8 or not band.all():
        return ""
    flatness = float(np.exp(np.mean(np.log(band))) / np.mean(band))
    return "It is white noise from end to end." if flatness > FLATNESS else ""


def _repetition(wave: Wave, rate: int) -> str:
    """Look at the end of a clip, where a model that is stuck is stuck."""
    mono = wave[:, -round(_REPEAT_WINDOW_SECONDS * rate) :].mean(axis=0, dtype=np.float64)
    first, last = (round(seconds * rate) for seconds in REPEAT_SECONDS)
    last = min(last, mono.size // 3)
    if last <= first or not mono.any():
        return ""
    length = fft.next_fast_len(2 * mono.size, real=True)
    correlation = fft.irfft(np.square(np.abs(fft.rfft(mono, length))), length)[: last + 1]
    # Each lag against the power of the samples that it compares.
    power = np.cumsum(np.square(mono))
    lags = np.arange(last + 1)
    head, tail = power[mono.size - 1 - lags], power[-1] - np.concatenate([[0], power])[lags]
    likeness = correlation / np.sqrt(np.maximum(head * tail, 1e-20))
    repeats = np.flatnonzero(likeness[first:] > REPEAT_CORRELATION)
    if not repeats.size:
        return ""
    period = first + int(repeats[0])
    if _steady(frame_levels(mono[np.newaxis, -period:].astype(np.float32), rate)):
        return ""  # a tone or a drone repeats by its nature
    return f"It repeats the same {period / rate:.2f} s over and over."
