"""A model's capabilities: the rows of the table of options that it takes, its tasks, lengths and sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.recipe import Recipe
from bot.recipe.options import OPTIONS, Bounds
from bot.recipe.tasks import Mode, ModelRef, Role, Task

__all__ = ["ENGLISH", "Bounds", "Capabilities", "bounds_over", "compatible", "option", "texts"]


ENGLISH = frozenset({"English"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a model takes and gives; known from its files alone, before its weights are loaded.

    title: its name on a card, never more than it is.  licence: SPDX identifier or the licence's name.
    options: bounds by the names of bot.recipe.options.OPTIONS, each within the widest ones there.
    tasks: what it can do, each with the roles of the sources that it takes for it.
    prompt_tokens: how much of a prompt the text encoder reads.
    languages: those that it was trained on, by their English names; "emoji" where it reads those.
    loras: the hash of each LoRA that it takes, by name.
    needs_scores: whether it works with the notes of a clip, so that a recording is no source for it.
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
    tasks: Mapping[Task, frozenset[Role]] = field(default_factory=lambda: {Task.TEXT: frozenset()})
    languages: frozenset[str] = ENGLISH
    loras: Mapping[str, str] = field(default_factory=dict)
    needs_scores: bool = False
    slots: int = 1
    real_time_factor: float = 1.0

    @property
    def model_ref(self) -> ModelRef:
        """The model with its mode."""
        return ModelRef(self.mode, self.model)

    def takes_source(self, role: Role, task: Task = Task.TEXT) -> bool:
        """Tell whether it takes a source in this role for a task."""
        return role in self.tasks.get(task, frozenset())


def texts(*names: str) -> dict[str, Bounds]:
    """Return text options as capabilities hold them, each as long as the table allows."""
    return {name: OPTIONS[name].bounds for name in names}


def bounds_over(engines: Sequence[Capabilities], name: str) -> Bounds | None:
    """Return the widest bounds that any engine has for an option; None where no engine takes it."""
    found = [engine.options[name] for engine in engines if name in engine.options]
    if not found:
        return None
    return Bounds(min(b.low for b in found), max(b.high for b in found), found[0].default)


def compatible(recipe: Recipe, capabilities: Capabilities) -> bool:
    """Tell whether a recipe is for this model."""
    return recipe.model_ref == capabilities.model_ref


def option(recipe: Recipe, capabilities: Capabilities, name: str) -> float:
    """Return a recipe's value for a number option, or the model's default where the recipe has none."""
    value = recipe.options.get(name)
    if value is None:
        value = capabilities.options[name].default
    assert isinstance(value, int | float), f"{name} isn't a number with a default"
    return float(value)
