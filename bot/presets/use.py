"""From a preset and a member's words to what /music would be asked."""

from __future__ import annotations

from collections.abc import Mapping

from bot.errors import UserError
from bot.recipe import OptionValue, Recipe, Role, Source, Task
from bot.recipe.build import OwnerLimits, build_recipe, within_bounds, within_lengths
from bot.recipe.capabilities import Capabilities
from bot.store.presets.model import MARK, PRESET_OPTIONS, Body
from bot.text import is_blank


def filled(template: str, words: str) -> str:
    """Return the prompt: the words where MARK stands, or after the template.

    Raises UserError where the template has a MARK and there are no words.
    """
    words = "" if is_blank(words) else words.strip()
    if MARK not in template:
        return f"{template}, {words}" if words else template
    if not words:
        raise UserError("This preset needs your words: add `prompt:`, for example “rain on a tin roof”.")
    return template.replace(MARK, words)


def recipe_from(
    body: Body,
    words: str,
    engine: Capabilities,
    settings: OwnerLimits,
    *,
    seconds: float | None = None,
    seed: int | None = None,
    options: Mapping[str, OptionValue | None] | None = None,
    task: Task = Task.TEXT,
    sources: Mapping[Role, Source] | None = None,
) -> Recipe:
    """Return the recipe of a preset for an engine, whose mode may be another than the preset's.

    seconds, seed, options, task, sources: what the member gave; it wins. What the preset says is used as far
    as the engine takes it, within its bounds. Raises InvalidRecipe for what the member gave, UserError as
    `filled`.
    """
    if seconds is None and body.seconds is not None:
        seconds = within_lengths(body.seconds, engine, settings)
    given = {name: value for name, value in (options or {}).items() if value is not None}
    return build_recipe(
        engine,
        settings,
        prompt=filled(body.template, words),
        seconds=seconds,
        seed=seed,
        options=within_bounds(body.options, engine) | given,
        task=task,
        sources=sources,
    )


def body_of(recipe: Recipe, tags: tuple[str, ...] = (), description: str = "", *, model: str = "") -> Body:
    """Return the preset that makes such clips: without the seed, sources and lyrics.

    model: the name that members know it by; empty leaves it to the bot that the preset is used on.
    """
    return Body(
        template=recipe.prompt,
        mode=recipe.mode,
        model=model,
        seconds=recipe.seconds,
        options={name: value for name, value in recipe.options.items() if name in PRESET_OPTIONS},
        tags=tags,
        description=description,
    )
