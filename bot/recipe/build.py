"""Build a valid recipe from a member's input, or raise an error that says what to change."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Protocol

from bot.loras import pinned
from bot.recipe import Mode, OptionValue, Recipe, Role, Source, Task, random_seed
from bot.recipe.capabilities import Capabilities
from bot.recipe.options import OPTIONS, validate_repaint
from bot.recipe.tasks import UNKNOWN_SOURCE
from bot.recipe.validate import validate_options, validate_seconds, validate_sources


class OwnerLimits(Protocol):
    """The owner's settings that a recipe is built with; bot.config.Settings has them."""

    @property
    def default_seconds(self) -> float:
        """The length of a clip where the member gives none."""

    @property
    def max_seconds(self) -> float:
        """The longest clip that a member may request."""

    def option_default(self, name: str) -> float | int | None:
        """Return the owner's default for an option of the table, or None where the engine's own holds."""


def build_recipe(
    capabilities: Capabilities,
    settings: OwnerLimits,
    *,
    prompt: str,
    seconds: float | None = None,
    seed: int | None = None,
    options: Mapping[str, OptionValue | None] | None = None,
    task: Task = Task.TEXT,
    sources: Mapping[Role, Source] | None = None,
) -> Recipe:
    """Fill options that were left out, from the owner's settings, else from the engine's defaults.

    options: None is an option left open.
    Raises InvalidRecipe for values out of the engine's bounds and for options that it would ignore.
    """
    given = {name: value for name, value in (options or {}).items() if value is not None}
    # Before the recipe is made: an engine's bounds are narrower than those that every recipe is held to.
    validate_sources(task, sources or {}, capabilities)
    validate_options(given, capabilities, task)
    if "lora" in given:
        given["lora"] = pinned(str(given["lora"]), capabilities.loras)
    longest = longest_seconds(capabilities, settings)
    if seconds is None:
        seconds = min(max(settings.default_seconds, capabilities.min_seconds), longest)
    validate_seconds(seconds, capabilities, longest)
    if task is Task.REPAINT:
        # The length of a file that is not read yet is not known; who reads it holds the part to it.
        unread = UNKNOWN_SOURCE in (sources or {}).values()
        validate_repaint(given, math.inf if unread else seconds)
    return Recipe(
        prompt=prompt,
        mode=capabilities.mode,
        model=capabilities.model,
        seconds=seconds,
        seed=random_seed() if seed is None else seed,
        options=_defaults(capabilities, settings, task) | given,
        task=task,
        sources=sources or {},
    )


def modes_taking(
    engines: Mapping[Mode, Capabilities],
    options: Mapping[str, OptionValue | None],
    roles: Collection[Role] = (),
    task: Task = Task.TEXT,
) -> list[Mode]:
    """Return the modes whose models take all of what was given. roles: those of the sources for the task."""
    given = [name for name, value in options.items() if value is not None]
    return [
        mode
        for mode, engine in engines.items()
        if all(name in engine.options and task in OPTIONS[name].tasks for name in given)
        and task in engine.tasks
        and all(engine.takes_source(role, task) for role in roles)
    ]


def mode_taking(
    engines: Mapping[Mode, Capabilities],
    default: Mode,
    options: Mapping[str, OptionValue | None],
    roles: Collection[Role] = (),
    task: Task = Task.TEXT,
) -> Mode:
    """Return the mode for what was given without one: the default, or another whose model takes all of it.

    The default where none does, so that its refusal is shown.
    """
    taking = modes_taking(engines, options, roles, task)
    return default if default in taking or not taking else taking[0]


def in_other_mode(recipe: Recipe, capabilities: Capabilities, settings: OwnerLimits) -> Recipe:
    """Return the recipe for another engine: same prompt, length and seed, its own defaults for the sampling.

    The options and sources that describe the music stay, as far as the engine takes them.
    """
    task = recipe.task if recipe.task in capabilities.tasks else Task.TEXT
    sources = {r: source for r, source in recipe.sources.items() if capabilities.takes_source(r, task)}
    return build_recipe(
        capabilities,
        settings,
        prompt=recipe.prompt,
        seconds=within_lengths(recipe.seconds, capabilities, settings),
        seed=recipe.seed,
        options={n: v for n, v in within_bounds(recipe.options, capabilities).items() if OPTIONS[n].musical},
        task=task,
        sources=sources,
    )


def within_bounds(options: Mapping[str, OptionValue], capabilities: Capabilities) -> dict[str, OptionValue]:
    """Return the options that an engine takes, each moved into its bounds; longer texts are left out."""
    found: dict[str, OptionValue] = {}
    for name, value in options.items():
        bounds = capabilities.options.get(name)
        if bounds is None:
            continue
        if isinstance(value, str):
            if OPTIONS[name].choices or len(value) <= bounds.high:
                found[name] = value
        else:
            found[name] = _clamped(name, value, bounds.low, bounds.high)
    return found


def within_lengths(seconds: float, capabilities: Capabilities, settings: OwnerLimits) -> float:
    """Return a length moved to where the engine and the owner allow it, in seconds."""
    return min(max(seconds, capabilities.min_seconds), longest_seconds(capabilities, settings))


def longest_seconds(capabilities: Capabilities, settings: OwnerLimits) -> float:
    """Return the longest clip that both the engine and the owner allow, in seconds."""
    return min(capabilities.max_seconds, settings.max_seconds)


def _defaults(capabilities: Capabilities, settings: OwnerLimits, task: Task) -> dict[str, OptionValue]:
    """Return the value of each option that the engine takes: the owner's within its bounds, else its own."""
    found: dict[str, OptionValue] = {}
    for name, bounds in capabilities.options.items():
        if task not in OPTIONS[name].tasks:
            continue
        owners = settings.option_default(name)
        value = bounds.default if owners is None else min(max(owners, bounds.low), bounds.high)
        if value is not None:
            found[name] = _clamped(name, value, bounds.low, bounds.high)
    return found


def _clamped(name: str, value: float, low: float, high: float) -> OptionValue:
    within = min(max(value, low), high)
    return round(within) if OPTIONS[name].type is int else float(within)
