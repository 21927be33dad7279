"""The judge: a small convolutional network in numpy that classifies the scene and the instruments of a clip.

It was fitted once, on renders of the composer's music with two banks of sounds, one of which is the built-in
models' own, and other settings than theirs, never on the output of a model or codec; its weights are frozen.
`bot/weights/judge/` holds them with their model card.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.comparison import features
from bot.errors import ModelMissing

FloatArray = npt.NDArray[np.float32]

FOLDER = Path(__file__).resolve().parents[1] / "weights" / "judge"
SHA256 = "3f1da8329adeb418738db0d0535cdb2f9fbbc9c29fe475f032cdd06893659c59"
"""Of the frozen judge's weights; figures by another one could not be compared with those made before."""
CONVOLUTIONS = 4
STRIDE = 2
TEMPO_LAGS = np.geomspace(0.1, 3.2, 72)
"""Lags in seconds at which the autocorrelation of onsets is read."""


@dataclass(frozen=True, slots=True)
class Classification:
    """What the judge finds in a clip.

    scenes: name → probability, summing to 1.  instruments: family → probability, each 0 to 1.
    tempo: beats per minute.  key: (pitch class of the tonic, whether minor).  brightness: Hz.
    """

    scenes: dict[str, float]
    instruments: dict[str, float]
    tempo: float
    key: tuple[int, bool]
    brightness: float

    @property
    def scene(self) -> str:
        """The likeliest scene."""
        return max(self.scenes, key=self.scenes.__getitem__)


class Judge:
    """The frozen judge of a folder. Raises ModelMissing if it is not there, or is not the frozen one."""

    def __init__(self, folder: Path = FOLDER) -> None:
        try:
            card = json.loads((folder / "judge.json").read_text())
            data = (folder / "judge.npz").read_bytes()
        except OSError as error:
            raise ModelMissing(f"The judge is not in {folder}: install the program again.") from error
        if hashlib.sha256(data).hexdigest() != SHA256:
            raise ModelMissing(
                f"{folder / 'judge.npz'} is not the judge that was frozen: its hash differs. Install the "
                "program again."
            )
        with np.load(folder / "judge.npz") as weights:
            self._weights = {name: weights[name].astype(np.float32) for name in weights.files}
        self.scene_names: list[str] = card["scenes"]
        self.families: list[str] = card["families"]
        self.thresholds: dict[str, float] = card["thresholds"]

    def classify(self, wave: FloatArray, sample_rate: int) -> Classification:
        """Classify a clip, wave [channels, n] or [n]; sample_rate in Hz."""
        audio = features.mono(wave, sample_rate)
        mel = features.log_mel(audio)
        scenes, families = self._forward(mel)
        return Classification(
            scenes=dict(zip(self.scene_names, _softmax(scenes).tolist(), strict=True)),
            instruments=dict(zip(self.families, (1 / (1 + np.exp(-families))).tolist(), strict=True)),
            tempo=features.tempo(features.onset_strength(mel)),
            key=features.key(features.chroma(audio)),
            brightness=features.brightness(audio),
        )

    def has(self, found: Classification, family: str) -> bool:
        """Tell whether a family of instruments is in a clip, by the threshold fitted for it."""
        return found.instruments[family] >= self.thresholds[family]

    def _forward(self, mel: FloatArray) -> tuple[FloatArray, FloatArray]:
        w = self._weights
        x = (mel - w["mean"][:, None]) / w["scale"][:, None]
        for layer in range(CONVOLUTIONS):
            x = np.maximum(0, _convolved(x, w[f"conv{layer}.weight"], w[f"conv{layer}.bias"]))
        pooled = np.concatenate([x.mean(1), x.std(1), x.max(1)])
        rhythm = rhythm_features(mel)
        hidden = np.maximum(0, w["hidden.weight"] @ np.concatenate([pooled, rhythm]) + w["hidden.bias"])
        scenes = w["scenes.weight"] @ hidden + w["scenes.bias"]
        families = w["families.weight"] @ pooled + w["families.bias"]
        return scenes, families


def rhythm_features(mel: FloatArray) -> FloatArray:
    """Return the autocorrelation of onsets at 72 lags from 0.1 to 3.2 s, float32 [72]."""
    curve = features.autocorrelation(features.onset_strength(mel))
    places = TEMPO_LAGS * features.FRAMES_PER_SECOND
    return np.asarray(np.interp(places, np.arange(len(curve)), curve, right=0), np.float32)


def _convolved(x: FloatArray, weight: FloatArray, bias: FloatArray) -> FloatArray:
    out_channels, _, width = weight.shape
    padded = np.pad(x, ((0, 0), (width // 2, width // 2)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=1)[:, ::STRIDE]
    flat = windows.transpose(1, 0, 2).reshape(windows.shape[1], -1)
    return np.asarray((flat @ weight.reshape(out_channels, -1).T + bias).T, np.float32)


def _softmax(logits: FloatArray) -> FloatArray:
    shifted = np.exp(logits - logits.max())
    return np.asarray(shifted / shifted.sum(), np.float32)
