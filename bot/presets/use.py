"""From a preset and a member's words to what /music would be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.ask import OPTIONS, longest_seconds, recipe_for
from bot.config import Settings
from bot.engines.base import Capabilities
from bot.errors import UserError
from bot.recipe import Mode, Recipe, checked_mode
from bot.store.presets.model import MARK, Body
from bot.text import is_blank


def filled(template: str, words: str) -> str:
    """Return the prompt: the words where MARK stands, or after the template.

    Raises UserError where the template has a MARK and there are no words.
    """
    words = "" if is_blank(words) else words.strip()
    if MARK not in template:
        return f"{template}, {words}" if words else template
    if not words:
        raise UserError("This preset wants your words: add `prompt:`, for example “rain on a tin roof”.")
    return template.replace(MARK, words)


def recipe_from(
    body: Body, words: str, engine: Capabilities, settings: Settings, asked: Mapping[str, Any]
) -> Recipe:
    """Return the recipe of a preset for an engine, whose mode may be another than the preset's.

    asked: options of recipe_for that the member gave; they win. What the preset says is used as far as the
    engine takes it, within its bounds. Raises InvalidRecipe for what the member asked, UserError as `filled`.
    """
    options: dict[str, Any] = {}
    for name in OPTIONS:
        bounds, value = engine.options.get(name), getattr(body, name)
        if bounds is not None and value is not None:
            within = min(max(value, bounds.low), bounds.high)
            options[name] = round(within) if isinstance(value, int) else within
    if body.seconds is not None:
        longest = longest_seconds(engine, settings)
        options["seconds"] = min(max(body.seconds, engine.min_seconds), longest)
    if body.negative_prompt is not None and engine.negative_prompt:
        options["negative_prompt"] = body.negative_prompt
    given = {name: value for name, value in asked.items() if value is not None}
    return recipe_for(engine, settings, **options | given, prompt=filled(body.template, words))


def body_of(recipe: Recipe, tags: tuple[str, ...] = (), description: str = "") -> Body:
    """Return the preset that makes such clips: all but the seed, the model, lyrics and melody."""
    return Body(
        template=recipe.prompt,
        mode=recipe.mode,
        seconds=recipe.seconds,
        temperature=recipe.temperature,
        top_k=recipe.top_k,
        guidance_scale=recipe.guidance_scale,
        num_sampling_steps=recipe.num_sampling_steps,
        negative_prompt=recipe.negative_prompt,
        tags=tags,
        description=description,
    )


def mode_of(body: Body, asked: str | None) -> Mode:
    """Return the mode to render in: what the member asks, or the preset's."""
    return checked_mode(asked) if asked else body.mode
