"""What a comparison found, and the published figures beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.comparison.measures import growth_exponent
from bot.hub.naming import model_name

LENGTHS = (10.0, 20.0, 30.0, 60.0)
"""Seconds of the clips."""
SOUND_SECONDS = 20.0
"""Length of the clips whose sound is measured: that of the published figures."""


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
PUBLISHED_ON = "an RTX 4070"
PUBLISHED_SMALLER_SPREAD = 0.37
"""By this share the spread over seeds of diffusion was smaller there."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Measures of one clip. low_mids: share of energy from 200 to 500 Hz.  tempo_drift: share of the beat.

    loudness_range: LU.
    """

    low_mids: float
    tempo_drift: float | None
    loudness_range: float


@dataclass(frozen=True, slots=True)
class StepsFound:
    """One point of the sweep. distance: dB from the spectrum of the clip with the most steps."""

    steps: int
    seconds: float
    distance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFound:
    """What was measured of one model.

    steady_gb, peak_gb: memory of the worker's process after its first clip, and at most; None where the
    system does not tell.  seconds: length → the seconds that each clip took.  sounds: of the 20 s clips.
    spread: dB between the spectra of clips that differ by their seeds alone.  steps: the sweep, if any.
    """

    mode: str
    model: str
    steady_gb: float | None
    peak_gb: float | None
    seconds: Mapping[float, list[float]]
    sounds: list[Sound]
    spread: float
    steps: list[StepsFound] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The model's name without the path of its folder."""
        return model_name(self.model)

    @property
    def exponent(self) -> float | None:
        """How rendering time grows with the length: 1 in proportion."""
        means = {length: sum(times) / len(times) for length, times in self.seconds.items() if times}
        return growth_exponent(list(means), list(means.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A whole comparison. processor: of this machine.  seeds: those of the clips at each length."""

    prompt: str
    processor: str
    seeds: list[int]
    models: list[ModelFound]
