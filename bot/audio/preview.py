"""The first seconds of a clip that is still being rendered, as an MP3 that is replaced by the whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bot.audio import mp3
from bot.audio.checks import check
from bot.audio.encoding import Goal, encode_until_it_fits
from bot.audio.master import CEILING_DB, TARGET_LUFS, Master
from bot.audio.meter import Wave

KBPS = 128
"""Or the nearest bitrate that its sample rate has: it is heard for some seconds, and sent beside the clip."""
FADE_SECONDS = 0.25
"""It ends in the middle of the music, so it is faded out."""
_GOAL = Goal(lufs=TARGET_LUFS, tolerance_lu=1.0, ceiling_db=CEILING_DB, limited=False, max_encodings=1)


def write_preview(wave: Wave, rate: int, path: Path) -> None:
    """Write the beginning of a rendered wave [channels, samples] as an MP3 without tags, whole or not at all.

    Mastered by itself: what the whole clip needs is not known yet, so its level may differ by some dB.
    Raises BadAudio for a beginning that is silent, and RenderError where the disk is full or ffmpeg fails.
    """
    wave = check(wave, rate, wave.shape[1] / rate)
    fade = min(round(FADE_SECONDS * rate), wave.shape[1])
    envelope = np.ones(wave.shape[1], np.float32)
    envelope[wave.shape[1] - fade :] = np.linspace(1, 0, fade, dtype=np.float32)
    wave = wave * envelope
    if wave.shape[0] == 1:
        wave = np.repeat(wave, 2, axis=0)
    kbps = min(mp3.BITRATES.get(rate, (KBPS,)), key=lambda one: abs(one - KBPS))
    with mp3.scratch_folder(beside=path) as scratch:
        encoding = encode_until_it_fits(
            Master(wave, rate), kbps, scratch, _GOAL, target_lufs=TARGET_LUFS, ceiling_db=CEILING_DB
        )
        mp3.publish({encoding.file: path})
