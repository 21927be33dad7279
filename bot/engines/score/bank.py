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
LAYER_VELOCITIES = (0.45, 0.65, 0.82, 0.96)
"""Velocities, 0 to 1, of the layers of an instrument; a note is played by the nearest one."""
DRUM_LAYER_VELOCITIES = (0.25, 0.5, 0.7, 0.9)
"""The same of a drum stroke, which ghost notes play more softly."""
LONGEST_RELEASE = 2.4
"""Seconds in which a note falls by 60 dB after its end, at most: longer ones would blur the harmony."""
OPEN_HERTZ = 0.44 * SAMPLE_RATE
"""Cut-off from which a low-pass filter is left out."""


def layer_of(velocity: float, layers: tuple[float, ...]) -> int:
    """Return the index of the layer whose velocity is nearest."""
    return min(range(len(layers)), key=lambda i: abs(layers[i] - velocity))


@dataclass(frozen=True, slots=True)
class Sample:
    """One recorded note: wave float32 [n], MIDI pitch it sounds at, loop (start, end) in samples or None."""

    wave: FloatArray
    root: float
    loop: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Layer:
    """How an instrument is played at one of LAYER_VELOCITIES.

    attack: seconds.  release: seconds in which a note falls by 60 dB after its end.
    cutoff: of a low-pass filter of second order, in Hz; None is open.
    """

    attack: float
    release: float
    cutoff: float | None


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
        self._layers: dict[str, tuple[Layer, ...]] = {}
        self._samples: dict[tuple[str, int], Sample] = {}
        self._strokes: dict[str, FloatArray] = {}

    def gain(self, name: str) -> float:
        """Return the gain, linear, that balances an instrument or a drum kit with the others."""
        return float(self._index["gains"][name])

    def layers(self, name: str) -> tuple[Layer, ...]:
        """Return how a recorded instrument is played at each of LAYER_VELOCITIES."""
        if name not in self._layers:
            rows = self._index["programs"][name]["layers"]
            self._layers[name] = tuple(Layer(*row) for row in rows)
        return self._layers[name]

    def sample(self, name: str, pitch: float) -> Sample:
        """Return the sample of a recorded instrument that has to be bent least to sound at a MIDI pitch."""
        entry = self._index["programs"][name]
        rows = entry["samples"]
        nearest = min(range(len(rows)), key=lambda i: abs(rows[i]["root"] - pitch))
        if (name, nearest) not in self._samples:
            row = rows[nearest]
            wave = self._decoded(entry["file"], row["start"], row["length"])
            loop = (row["loop"][0], row["loop"][1]) if row["loop"] else None
            self._samples[name, nearest] = Sample(wave, row["root"], loop)
        return self._samples[name, nearest]

    def stroke(self, name: str) -> FloatArray:
        """Return a drum stroke, float32 [n]."""
        if not self._strokes:
            self._strokes |= synthesised(SAMPLE_RATE)
        if name not in self._strokes:
            drums = self._index["drums"]
            row = drums["samples"][name]
            self._strokes[name] = self._decoded(drums["file"], row["start"], row["length"])
        return self._strokes[name]

    def stroke_cutoff(self, name: str, layer: int) -> float | None:
        """Return the cut-off in Hz of a drum stroke's low-pass filter in one of its layers; None is open."""
        row = self._index["drums"]["samples"].get(name)
        return row["cutoffs"][layer] if row else None

    def _decoded(self, name: str, start: int, length: int) -> FloatArray:
        try:
            with soundfile.SoundFile(self._folder / name) as file:
                file.seek(start)
                wave = file.read(length, dtype="float32")
        except (OSError, soundfile.LibsndfileError) as error:
            raise self._unreadable(name) from error
        if len(wave) < length:
            raise self._unreadable(name)
        return np.asarray(wave, np.float32)

    @staticmethod
    def _unreadable(name: str) -> ModelMissing:
        return ModelMissing(
            f"The sound file {name} of the sampler cannot be read: fetch the folder “models” again."
        )
