"""What a comparison found, and the published figures beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.hub.naming import model_name
from bot.locale import mark

LENGTHS = (10.0, 20.0, 30.0, 60.0)
"""Seconds of the clips."""
SOUND_SECONDS = 20.0
"""Length of the clips whose sound is measured: that of the published figures."""


ENOUGH = 0.25
"""Of the spread over seeds: a smaller difference between two clips counts as none."""


@dataclass(frozen=True, slots=True)
class Published:
    """Figures that others published for a mode: a mean and its deviation at 20 s, seconds at each length."""

    seconds: Mapping[float, float]
    deviation: float
    memory_gb: float


PUBLISHED: Mapping[str, Published] = {
    "ar": Published({10: 11, 20: 18.2, 30: 32}, 1.3, 1.8),
    "diffusion": Published({20: 14.6}, 0.9, 2.3),
}
PUBLISHED_ON = mark("an RTX 4070")
PUBLISHED_SMALLER_SPREAD = 0.37
"""By this share the spread over seeds of diffusion was smaller there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """Measures of one clip. low_mids: share of energy from 200 to 500 Hz.  tempo_drift: share of the beat.

    loudness_range: LU.  third_octaves: dB, as of `measures.third_octaves`.  follows: the share of what the
    prompt asks for that the judge finds, 0 to 1; None where the prompt asks for nothing that it knows.
    """

    low_mids: float
    tempo_drift: float | None
    loudness_range: float
    third_octaves: tuple[float, ...]
    follows: float | None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Sound:
        """Return the measures that `dataclasses.asdict` and JSON made a dict of."""
        return cls(**{**data, "third_octaves": tuple(data["third_octaves"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Memory of a worker after a clip. resident_bytes, peak_bytes: of its process, 0 where unknown.

    gpu_peak_bytes: the most that torch had on the GPU; None without one.  models: those that it had loaded.
    """

    resident_bytes: int
    peak_bytes: int
    gpu_peak_bytes: int | None
    models: int


@dataclass(frozen=True, slots=True)
class StepsFound:
    """One point of the sweep. distance: dB from the spectrum of the clip with the most steps.

    follows: as of Sound.
    """

    steps: int
    seconds: float
    distance: float
    follows: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFound:
    """What was measured of one model.

    steady_gb, peak_gb: memory of the worker's process after its first clip, and at most.  gpu_gb: the most on
    a GPU.  Each None where the system does not tell, or the worker had other models loaded.
    seconds: length → the seconds that each clip took.  exponent: how rendering time grows with the length,
    1 in proportion.  sounds: of the 20 s clips.  spread: dB between the spectra of clips that differ by their
    seeds alone.  steps: the sweep, if any.
    """

    mode: str
    model: str
    steady_gb: float | None
    peak_gb: float | None
    gpu_gb: float | None
    seconds: Mapping[float, list[float]]
    exponent: float | None
    sounds: list[Sound]
    spread: float
    steps: list[StepsFound] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The model's name without the path of its folder."""
        return model_name(self.model)

    @property
    def enough_steps(self) -> int | None:
        """The fewest steps from which on more change a clip little; None without a sweep, or a spread.

        Little is ENOUGH of what another seed changes: the distance to the clip with the most steps, from this
        number on, against the spread over seeds.
        """
        if not self.steps or self.spread <= 0:
            return None
        enough: int | None = None
        for point in reversed(self.steps):
            if point.distance > ENOUGH * self.spread:
                break
            enough = point.steps
        return enough


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A whole comparison. processor: of this machine.  seeds: those of the clips at each length."""

    prompt: str
    processor: str
    seeds: list[int]
    models: list[ModelFound]
