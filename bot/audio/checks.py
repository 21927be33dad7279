"""What a rendered waveform has to be before anybody hears it."""

from __future__ import annotations

import numpy as np

from bot.audio.meter import Wave, amplitude
from bot.errors import BadAudio

LENGTH_TOLERANCE_SECONDS = 0.1
"""How far a clip may be from the asked length; within it, it is cut or padded to fit."""

SILENCE_DB = -60.0
"""A block that never goes above this sample peak (dBFS) is silent; the default of ffmpeg's silencedetect."""

SOUNDING_SHARE = 0.1
"""Share of a clip's blocks that have to sound. A single hit with its tail is a clip; one click in ten seconds
is a model that gave up."""

BLOCK_SECONDS = 0.4
"""Length of a block: the momentary window of EBU Tech 3341 and the gating block of BS.1770."""


def check(wave: Wave, rate: int, seconds: float) -> Wave:
    """Return the wave [channels, samples] at exactly round(seconds · rate) samples, as float32.

    Raises BadAudio, with a reason, for anything but one or two channels, NaN or infinity, a length more
    than 0.1 s off, silence, and sound in less than a tenth of the clip. An offset counts as silence.
    """
    if wave.ndim != 2 or wave.shape[0] not in (1, 2) or not np.issubdtype(wave.dtype, np.floating):
        raise BadAudio(f"The model gave audio of an unknown shape ({wave.dtype} {list(wave.shape)}).")
    samples = round(seconds * rate)
    off = wave.shape[1] / rate - seconds
    if samples == 0 or abs(wave.shape[1] - samples) > LENGTH_TOLERANCE_SECONDS * rate:
        raise BadAudio(f"The clip came out {abs(off):.1f} s too {'long' if off > 0 else 'short'}. Ask again.")
    if not np.isfinite(wave).all():
        raise BadAudio(
            "The model gave numbers that are no sound (NaN or infinity). Ask again with another seed."
        )
    if _sounding_share(wave, rate) < SOUNDING_SHARE:
        raise BadAudio("The clip is silent, or nearly all of it. Ask again with another seed or other words.")
    wave = wave[:, :samples].astype(np.float32)
    return np.pad(wave, ((0, 0), (0, samples - wave.shape[1])))


def _sounding_share(wave: Wave, rate: int) -> float:
    centred = np.abs(wave - np.median(wave, axis=1, keepdims=True)).max(axis=0)
    starts = np.arange(0, centred.size, max(1, round(BLOCK_SECONDS * rate)))
    return float(np.mean(np.maximum.reduceat(centred, starts) > amplitude(SILENCE_DB)))
