"""What an engine is, and the one window it has on the rest of the world. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bot.recipe import Mode, Recipe

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Wave = npt.NDArray[np.float32]
    """Audio as float32 [channels, samples], full scale at ±1."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an engine takes for one option: low ≤ value ≤ high, `default` where nobody says."""

    low: float
    high: float
    default: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a model takes and gives; known from its files alone, before its weights are loaded.

    title: what a card calls it, never more than it is.  licence: SPDX identifier or the licence's name.
    options: which of temperature, top_k, guidance_scale, num_sampling_steps it takes, with their bounds.
    prompt_tokens: how much of a prompt the text encoder reads.  lyrics: whether it sings words.
    melody: whether it follows the tune of an audio file.
    slots: clips it can render at once.
    real_time_factor: render seconds per second of audio expected on this device until one was measured.
    """

    mode: Mode
    model: str
    title: str
    licence: str
    sample_rate: int
    channels: int
    min_seconds: float
    max_seconds: float
    prompt_tokens: int
    options: Mapping[str, Bounds] = field(default_factory=dict)
    negative_prompt: bool = False
    lyrics: bool = False
    melody: bool = False
    slots: int = 1
    real_time_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """A recipe to render, the id of its job, and the audio file that its melody is in."""

    id: int
    recipe: Recipe
    melody: Path | None = None


class RenderContext(Protocol):
    """Where an engine gets its work and leaves it. Every call is quick enough for a decode loop."""

    def next(self, compatible: Callable[[Recipe], bool]) -> RenderRequest | None:
        """Return the next waiting job if it is compatible, or None; may be asked at any step."""

    def progress(self, job: RenderRequest, done: int, total: int) -> None:
        """Say that `done` of `total` steps of this job are finished."""

    def heartbeat(self) -> None:
        """Say that the engine is at work where no step is finished: between layers, slices and transfers."""

    def warn(self, job: RenderRequest, sentence: str) -> None:
        """Have a sentence shown with the clip, about a part of the recipe that does not take effect."""

    def cancelled(self, job: RenderRequest) -> bool:
        """Tell whether somebody cancelled this job; the engine then drops it and says nothing more of it."""

    def done(self, job: RenderRequest, wave: Wave) -> None:
        """Hand over the whole clip."""

    def failed(self, job: RenderRequest, error: Exception) -> None:
        """Say that this job cannot be rendered; the engine goes on with the others."""


class Engine(Protocol):
    """One loaded model. `device` is where it runs, as torch names it."""

    capabilities: Capabilities
    device: str

    def run(self, context: RenderContext) -> None:
        """Work until `context.next` has nothing compatible left, then return."""

    def close(self) -> None:
        """Give its memory back."""


class Engines(Protocol):
    """What a module that describes and loads engines holds, such as bot.engines.registry."""

    def describe(self, mode: Mode, model: str) -> Capabilities:
        """Say what a model takes and gives, from its files alone. Raises ModelMissing."""

    def load(self, mode: Mode, model: str, device: str, dtype: str) -> Engine:
        """Load a model. Raises SetupError with what to do."""

    def parameters(self, mode: Mode, model: str) -> int | None:
        """Return how many numbers a model's weights hold, from its files; None for the built-in ones."""

    def fits(self, mode: Mode, model: str, device: str, dtype: str) -> bool:
        """Tell whether a model fits into the memory that is free now, beside what is loaded."""

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Tell whether the accelerator's or the machine's memory was too small."""

    def is_device_fault(self, error: BaseException) -> bool:
        """Tell whether the accelerator is in a state that only a new process mends."""

    def release(self) -> None:
        """Give cached accelerator memory back."""
