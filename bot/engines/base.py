"""What an engine is, and the one window it has on the rest of the world. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bot.recipe import Mode, Recipe
from bot.recipe.capabilities import Capabilities

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Wave = npt.NDArray[np.float32]
    """Audio as float32 [channels, samples], full scale at ±1."""


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
