"""The measures of one finished clip, from its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from bot.comparison.follow import PromptReader
from bot.comparison.judge import Judge
from bot.comparison.measures import band_share, loudness_range, tempo_drift, third_octaves
from bot.comparison.results import Sound


class ClipMeter:
    """Measures the clips of one prompt. Raises ModelMissing without the judge or the sentence encoder."""

    def __init__(self, prompt: str) -> None:
        self._judge = Judge()
        self._asked = PromptReader().expectation(prompt)

    def measure(self, path: Path) -> Sound:
        """Return the measures of a file that libsndfile reads. Raises LibsndfileError for any other."""
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        wave = np.ascontiguousarray(samples.T)
        return Sound(
            low_mids=band_share(wave, rate),
            tempo_drift=tempo_drift(wave, rate),
            loudness_range=loudness_range(wave, rate),
            third_octaves=tuple(third_octaves(wave, rate).tolist()),
            follows=self._asked.share(self._judge, self._judge.classify(wave, rate)),
        )
