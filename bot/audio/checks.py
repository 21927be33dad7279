"""Validation of a rendered waveform: shape, length, finite values, silence."""

from __future__ import annotations

import numpy as np

from bot.audio.blocks import blocks
from bot.audio.diagnosis import SILENCE_DB, frame_levels, share_above
from bot.audio.meter import Wave, amplitude
from bot.errors import BadAudio

LENGTH_TOLERANCE_SECONDS = 0.1
"""How far a clip may be from the asked length; within it, it is cut or padded to fit."""

LOWEST_HZ = 20.0
"""Lower end of hearing. DC offset and drift are below it."""

AUDIBLE_SHARE = 1e-3
"""Least share of the power above 20 Hz; what is below is 30 dB louder otherwise, and mastering would turn
the rest down to nothing."""

SOUNDING_FRAMES = 0.02
"""Share of frames of 20 ms that have to sound, by their RMS: a click of 2 ms every 4 s has a quarter of it,
a wood block as seldom has more."""

SOUNDING_SHARE = 0.1
"""Share of a clip's blocks that have to sound. A single hit with its tail is a clip; one click in ten seconds
is a model that gave up."""

BLOCK_SECONDS = 0.4
"""Length of a block: the momentary window of EBU Tech 3341 and the gating block of BS.1770."""


def check(wave: Wave, rate: int, seconds: float) -> Wave:
    """Return the wave [channels, samples] at exactly round(seconds · rate) samples, as float32.

    Raises BadAudio, with a reason, for anything but one or two channels, NaN or infinity, a length more
    than 0.1 s off, silence, sound in less than a tenth of the clip, lone clicks, and nothing above 20 Hz.
    What music can be too is not refused but reported: bot.audio.diagnosis.
    """
    if wave.ndim != 2 or wave.shape[0] not in (1, 2) or not np.issubdtype(wave.dtype, np.floating):
        raise BadAudio(f"The model gave audio of an unknown shape ({wave.dtype} {list(wave.shape)}).")
    samples = round(seconds * rate)
    off = wave.shape[1] / rate - seconds
    if samples == 0 or abs(wave.shape[1] - samples) > LENGTH_TOLERANCE_SECONDS * rate:
        raise BadAudio(f"The clip came out {abs(off):.1f} s too {'long' if off > 0 else 'short'}. Ask again.")
    if not all(np.isfinite(wave[:, start:stop]).all() for start, stop in blocks(wave.shape[1], rate)):
        raise BadAudio("The model made invalid audio (NaN or infinity). Try again with another seed.")
    if not _sounds(wave, rate):
        raise BadAudio("The clip is silent, or nearly so. Try again with another seed or other words.")
    if share_above(LOWEST_HZ, wave, rate) < AUDIBLE_SHARE:
        raise BadAudio("Nothing in the clip can be heard. Try again with another seed.")
    wave = wave[:, :samples].astype(np.float32, copy=False)
    if wave.shape[1] == samples:
        return wave
    return np.pad(wave, ((0, 0), (0, samples - wave.shape[1])))


def _sounds(wave: Wave, rate: int) -> bool:
    size = max(1, round(BLOCK_SECONDS * rate))
    silence = amplitude(SILENCE_DB)
    sounding: list[np.bool] = []
    for start, stop in blocks(wave.shape[1], rate, size):
        part = wave[:, start:stop]
        centred = np.abs(part - np.median(part, axis=1, keepdims=True)).max(axis=0)
        sounding.extend(np.maximum.reduceat(centred, np.arange(0, centred.size, size)) > silence)
    frames = np.mean(frame_levels(wave, rate) > silence)
    return bool(np.mean(sounding) >= SOUNDING_SHARE and frames >= SOUNDING_FRAMES)
