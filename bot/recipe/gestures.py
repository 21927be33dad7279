"""New clips from a clip: varied, longer, partly made anew, as a hybrid, or with other words and options."""

from __future__ import annotations

from collections.abc import Mapping

from bot.locale import tr
from bot.recipe import Mode, OptionValue, Recipe, Task
from bot.recipe.build import OwnerLimits, build_recipe, longest_seconds, within_bounds, within_lengths
from bot.recipe.capabilities import Capabilities
from bot.recipe.options import OPTIONS, REPAINT_END, REPAINT_START, STRENGTH, STRUCTURE
from bot.recipe.tasks import REQUIRED_SOURCE, UNKNOWN_SOURCE, ModelRef
from bot.recipe.validate import Unsupported

STRENGTHS: Mapping[float, str] = {
    0.2: "almost the same",
    0.4: "close to it",
    0.6: "the same idea",
    0.8: "far from it",
    1.0: "free of it",
}
"""Strengths of a variation in words, from the nearest to the farthest."""
STRUCTURES: Mapping[float, str] = {
    1.0: "keeps its notes",
    0.75: "keeps most of its notes",
    0.5: "keeps half of it",
    0.25: "keeps a trace of it",
}
"""Shares of the source's structure that a hybrid keeps, in words."""
MIN_LONGER_SECONDS = 1.0
"""How much longer than its source a continuation is at least."""
_LENGTHS = (20.0, 30.0, 60.0, 120.0, 180.0, 240.0, 300.0, 600.0)
_VERBS: Mapping[Task, str] = {
    Task.VARY: "vary a clip",
    Task.CONTINUE: "go on from a clip",
    Task.REPAINT: "repaint a part of a clip",
    Task.HYBRID: "make a hybrid of a clip",
}


def from_clip(
    clip_id: int,
    recipe: Recipe,
    task: Task,
    capabilities: Capabilities,
    settings: OwnerLimits,
    *,
    seconds: float | None = None,
    options: Mapping[str, OptionValue] | None = None,
) -> Recipe:
    """Return the recipe that does a task with a clip: its prompt and options, and a new seed.

    recipe: the clip's.  seconds: of the new clip; None is the length of the old one.
    options: the task's own, in place of the clip's.
    Raises Unsupported, with what the model can do, and InvalidRecipe as build_recipe.
    """
    if task not in capabilities.tasks:
        able = [verb for other, verb in _VERBS.items() if other in capabilities.tasks]
        can = f"It can {' and '.join(able)}. " if able else ""
        raise Unsupported(
            f"{capabilities.title} can't {_VERBS[task]}. {can}**Again** and **Remix** work with every model."
        )
    return build_recipe(
        capabilities,
        settings,
        prompt=recipe.prompt,
        seconds=recipe.seconds if seconds is None else seconds,
        options=_kept(recipe.options, capabilities, task) | dict(options or {}),
        task=task,
        sources={REQUIRED_SOURCE[task]: clip_id},
    )


def longer_lengths(recipe: Recipe, capabilities: Capabilities, settings: OwnerLimits) -> list[float]:
    """Return lengths in seconds that a clip can be continued to, rising; empty where it is at the longest."""
    longest = longest_seconds(capabilities, settings)
    lengths = {2 * recipe.seconds, longest, *_LENGTHS}
    return sorted(one for one in lengths if recipe.seconds + MIN_LONGER_SECONDS <= one <= longest)


def hybrid_engine(recipe: Recipe, engines: Mapping[ModelRef, Capabilities]) -> Capabilities | None:
    """Return the model that makes a hybrid of a clip, or None. engines: all that are installed."""
    own = engines.get(recipe.model_ref)
    return None if own is None else _playing(own, engines)


def hybrid_pair(
    engines: Mapping[ModelRef, Capabilities], wanted: Capabilities | None = None
) -> tuple[Capabilities, Capabilities] | None:
    """Return the ar model and the diffusion model of a hybrid that begins with words alone; None without.

    engines: all that are installed, the preferred ones first.  wanted: one of them that is in the pair.
    """
    for first in engines.values():
        second = _playing(first, engines, wanted if wanted and wanted.mode is Mode.DIFFUSION else None)
        if second is not None and wanted in (None, first, second):
            return first, second
    return None


def hybrid_of_words(
    pair: tuple[Capabilities, Capabilities],
    settings: OwnerLimits,
    *,
    prompt: str,
    seconds: float | None,
    seed: int | None,
    options: Mapping[str, OptionValue | None],
) -> tuple[Recipe, Recipe]:
    """Return the recipes of an ar clip and of the hybrid that is made of it, with one seed and length.

    pair: the two models.  options: each goes to those of the two that take it.  The source of the second is
    UNKNOWN_SOURCE until the first is rendered.
    Raises InvalidRecipe, as build_recipe, and for an option that neither takes.
    """
    first, second = pair
    given = {name: value for name, value in options.items() if value is not None}
    of_first = {n: v for n, v in given.items() if n in first.options and Task.TEXT in OPTIONS[n].tasks}
    of_second = {n: v for n, v in given.items() if n in second.options and Task.HYBRID in OPTIONS[n].tasks}
    of_second |= {name: value for name, value in given.items() if name not in of_first}
    ar = build_recipe(first, settings, prompt=prompt, seconds=seconds, seed=seed, options=of_first)
    hybrid = build_recipe(
        second,
        settings,
        prompt=prompt,
        seconds=ar.seconds,
        seed=ar.seed,
        options=of_second,
        task=Task.HYBRID,
        sources={REQUIRED_SOURCE[Task.HYBRID]: UNKNOWN_SOURCE},
    )
    return ar, hybrid


def _playing(
    own: Capabilities, engines: Mapping[ModelRef, Capabilities], wanted: Capabilities | None = None
) -> Capabilities | None:
    """Return the model that makes hybrids of the clips of another, or None. wanted: the only one allowed."""
    if own.mode is not Mode.AR:
        return None
    for engine in engines.values():
        # Score models take scores, audio models audio; of both kinds, only those that write scores vary.
        fits = Task.HYBRID in engine.tasks and (Task.VARY in engine.tasks) == (Task.VARY in own.tasks)
        if fits and wanted in (None, engine):
            return engine
    return None


def remixed(
    recipe: Recipe,
    capabilities: Capabilities,
    settings: OwnerLimits,
    *,
    prompt: str,
    seconds: float | None,
    seed: int | None,
    options: Mapping[str, OptionValue],
) -> Recipe:
    """Return a clip's recipe with what a member changed; unchanged, it is the same recipe.

    options: all of those that the member saw, with their changes. What another model does not take is left
    out where it is as it was, and refused where the member wrote it.
    Raises InvalidRecipe.
    """
    task = recipe.task if recipe.task in capabilities.tasks else Task.TEXT
    old = {name: value for name, value in options.items() if recipe.options.get(name) == value}
    written = {name: value for name, value in options.items() if name not in old}
    if seconds == recipe.seconds and capabilities.model_ref != recipe.model_ref:
        seconds = within_lengths(recipe.seconds, capabilities, settings)
    return build_recipe(
        capabilities,
        settings,
        prompt=prompt,
        seconds=seconds,
        seed=seed,
        options=_kept(old, capabilities, task) | written,
        task=task,
        sources={r: s for r, s in recipe.sources.items() if capabilities.takes_source(r, task)},
    )


def described_change(recipe: Recipe, parent: Recipe | None) -> str:
    """Return what was done to a clip for another of this recipe: “varied 40 %”, “longer to 60 s”.

    parent: the recipe of the clip; None where that is not known.
    """
    if parent is not None and (recipe.task, recipe.sources) == (parent.task, parent.sources):
        if recipe == parent:
            return tr("the same again")
        if recipe == parent.reseeded(recipe.seed):
            return tr("another take")
        same_words = recipe.prompt == parent.prompt and recipe.mode is not parent.mode
        return tr("in {mode}", mode=recipe.mode) if same_words else tr("remixed")
    match recipe.task:
        case Task.VARY:
            return tr("varied") + _percent(recipe, STRENGTH)
        case Task.CONTINUE:
            return tr("longer to {seconds:g} s", seconds=recipe.seconds)
        case Task.REPAINT:
            start, end = (float(recipe.options[name]) for name in (REPAINT_START, REPAINT_END))
            return tr("repainted from {start:g} to {end:g} s", start=start, end=end)
        case Task.HYBRID:
            return tr("hybrid") + _percent(recipe, STRUCTURE)
        case Task.COVER:
            return tr("covered")
        case Task.TEXT:
            if parent is not None and recipe.mode is not parent.mode:
                return tr("in {mode}", mode=recipe.mode)
            return tr("remixed")


def _percent(recipe: Recipe, option: str) -> str:
    """Return a share among a recipe's options as “ 40 %”, empty where the recipe leaves it to the model."""
    share = recipe.options.get(option)
    return f" {100 * float(share):.0f} %" if share is not None else ""


def _kept(
    options: Mapping[str, OptionValue], capabilities: Capabilities, task: Task
) -> dict[str, OptionValue]:
    """Return the options that a model takes for a task, each within its bounds."""
    return {
        name: value
        for name, value in within_bounds(options, capabilities).items()
        if task in OPTIONS[name].tasks
    }
