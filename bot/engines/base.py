"""The interfaces of engines, and of the context that they render in. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bot.recipe import Mode, ModelRef, Recipe, Role
from bot.recipe.capabilities import Capabilities

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Wave = npt.NDArray[np.float32]
    """Audio as float32 [channels, samples], full scale at ±1."""


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """A recipe to render, the id of its job, and the audio files of the recipe's sources by their roles.

    preview_seconds: so much of the clip's beginning is wanted as soon as it is there, 0 for none.
    """

    id: int
    recipe: Recipe
    sources: Mapping[Role, Path] = field(default_factory=dict)
    preview_seconds: float = 0.0


class RenderContext(Protocol):
    """An engine's interface to its jobs; every call is quick enough for each step of a decode loop."""

    def next(self, compatible: Callable[[Recipe], bool]) -> RenderRequest | None:
        """Return the next waiting job if it is compatible, or None; may be called at any step."""

    def progress(self, job: RenderRequest, done: int, total: int) -> None:
        """Report that `done` of `total` steps of this job are finished."""

    def heartbeat(self) -> None:
        """Report life to the watchdog between two steps: after layers, slices and transfers."""

    def warn(self, job: RenderRequest, sentence: str) -> None:
        """Attach a warning to the clip, about a part of the recipe that does not take effect."""

    def cancelled(self, job: RenderRequest) -> bool:
        """Tell whether this job was cancelled; the engine then drops it and reports nothing more of it."""

    def preview(self, job: RenderRequest, wave: Wave) -> None:
        """Hand over the clip's first `preview_seconds` while the rest is made; at most once."""

    def done(self, job: RenderRequest, wave: Wave, *, score: str = "") -> None:
        """Hand over the finished wave; score: the notes as text for the file's tag, where there are any."""

    def failed(self, job: RenderRequest, error: Exception) -> None:
        """Report that this job failed; the engine goes on with the others."""


class Engine(Protocol):
    """One loaded model.

    device: its torch device.
    precision: of the model that makes the clip being handed over, as DTYPE names it: float32, bfloat16,
    float16, int8 or int4; "" where it is not known here.
    """

    capabilities: Capabilities
    device: str
    precision: str

    def run(self, context: RenderContext) -> None:
        """Work until `context.next` has nothing compatible left, then return."""

    def close(self) -> None:
        """Free its memory."""


class Engines(Protocol):
    """The interface of a module that describes and loads engines: bot.engines.registry, or a test's own."""

    def mode_of(self, model: str) -> Mode | None:
        """Return a model's mode, from its name or its files; None where neither tells it."""

    def describe(self, mode: Mode, model: str) -> Capabilities:
        """Return a model's capabilities, from its files alone. Raises ModelMissing."""

    def load(self, mode: Mode, model: str, device: str, dtype: str) -> Engine:
        """Load a model. Raises SetupError with instructions."""

    def parameters(self, mode: Mode, model: str) -> int | None:
        """Return a model's number of parameters, from its files; None for the built-in ones."""

    def fits(
        self,
        mode: Mode,
        model: str,
        device: str,
        dtype: str,
        *,
        loaded: Sequence[ModelRef],
        memory_gb: float,
    ) -> bool:
        """Tell whether a model fits into memory beside the loaded ones.

        memory_gb: gigabytes that the weights of all may take; 0 measures what the device has free.
        """

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Tell whether the accelerator's or the machine's memory was too small."""

    def is_device_fault(self, error: BaseException) -> bool:
        """Tell whether the accelerator is in a state from which only a new process recovers."""

    def release(self) -> None:
        """Release cached accelerator memory."""
