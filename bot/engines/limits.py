"""What a recipe may ask of a model: its capabilities, held against it in plain words."""

from __future__ import annotations

from bot.engines.base import Capabilities
from bot.errors import InvalidRecipe
from bot.recipe import Recipe

OPTION_WORDS = {
    "temperature": "temperature",
    "top_k": "top-k",
    "guidance_scale": "guidance",
    "num_sampling_steps": "number of steps",
}


def check(recipe: Recipe, capabilities: Capabilities) -> None:
    """Raise InvalidRecipe for a length, an option or a value that the model does not take."""
    c = capabilities
    if not c.min_seconds <= recipe.seconds <= c.max_seconds:
        raise InvalidRecipe(f"This model makes clips of {c.min_seconds:g} to {c.max_seconds:g} seconds.")
    for name, words in OPTION_WORDS.items():
        value = getattr(recipe, name)
        if value is None:
            continue
        if name not in c.options:
            raise InvalidRecipe(f"This model does not take a {words}: leave it out.")
        bounds = c.options[name]
        if not bounds.low <= value <= bounds.high:
            raise InvalidRecipe(f"The {words} has to be from {bounds.low:g} to {bounds.high:g}.")
    if recipe.negative_prompt is not None and not c.negative_prompt:
        raise InvalidRecipe("This model does not take a negative prompt: leave it out.")


def option(recipe: Recipe, capabilities: Capabilities, name: str) -> float:
    """Return an option of a recipe, or the model's default where the recipe leaves it open."""
    value = getattr(recipe, name)
    return capabilities.options[name].default if value is None else float(value)
