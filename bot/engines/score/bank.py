"""The sampler's sounds on disk: Ogg files cut from a SoundFont bank, decoded when first asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from bot.engines.score.drums import synthesised
from bot.errors import ModelMissing

FloatArray = npt.NDArray[np.float32]

SAMPLE_RATE = 32_000


@dataclass(frozen=True, slots=True)
class Sample:
    """One recorded note: wave float32 [n], MIDI pitch it sounds at, loop (start, end) in samples or None."""

    wave: FloatArray
    root: float
    loop: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Voice:
    """All samples of an instrument, lowest first, and the attack in seconds they are played with."""

    samples: tuple[Sample, ...]
    attack: float

    def nearest(self, pitch: float) -> Sample:
        """Return the sample that has to be bent least to sound at a MIDI pitch."""
        return min(self.samples, key=lambda s: abs(s.root - pitch))


class Bank:
    """The sounds of one folder. Raises ModelMissing if the folder holds none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            self._index: dict[str, Any] = json.loads((folder / "index.json").read_text())
        except (OSError, ValueError) as error:
            raise ModelMissing(
                f"The sampler's sounds are not in {folder}: fetch the folder “models” of the project again."
            ) from error
        self._voices: dict[str, Voice] = {}
        self._drums: dict[str, FloatArray] = {}

    def voice(self, name: str) -> Voice:
        """Return an instrument's samples."""
        if name not in self._voices:
            entry = self._index["programs"][name]
            wave = self._decoded(entry["file"])
            samples = tuple(
                Sample(
                    wave[s["start"] : s["start"] + s["length"]],
                    s["root"],
                    (s["loop"][0], s["loop"][1]) if s["loop"] else None,
                )
                for s in entry["samples"]
            )
            self._voices[name] = Voice(samples, entry["attack"])
        return self._voices[name]

    def stroke(self, name: str) -> FloatArray:
        """Return a drum stroke, float32 [n]."""
        if not self._drums:
            entry = self._index["drums"]
            wave = self._decoded(entry["file"])
            self._drums = {key: wave[start : start + n] for key, (start, n) in entry["samples"].items()}
            self._drums |= synthesised(SAMPLE_RATE)
        return self._drums[name]

    def _decoded(self, name: str) -> FloatArray:
        try:
            wave, _ = soundfile.read(self._folder / name, dtype="float32")
        except (OSError, soundfile.LibsndfileError) as error:
            raise ModelMissing(
                f"The sound file {name} of the sampler cannot be read: fetch the folder “models” again."
            ) from error
        return np.asarray(wave, np.float32)
