"""A recipe held to what an engine takes, for engines whose options go straight into a library."""

from __future__ import annotations

from bot.engines.base import Capabilities
from bot.errors import InvalidRecipe
from bot.recipe import Recipe

WORDS = {
    "temperature": "temperature",
    "top_k": "top-k",
    "guidance_scale": "guidance",
    "num_sampling_steps": "number of steps",
}
"""The recipe's fields that an engine may take, with the words for them."""


def option(recipe: Recipe, capabilities: Capabilities, name: str) -> float:
    """Return an option of a recipe, or the model's default where the recipe leaves it open."""
    value = getattr(recipe, name)
    return capabilities.options[name].default if value is None else float(value)


def compatible(recipe: Recipe, capabilities: Capabilities) -> bool:
    """Tell whether a recipe is for this model."""
    return recipe.mode is capabilities.mode and recipe.model == capabilities.model


def checked(recipe: Recipe, capabilities: Capabilities) -> None:
    """Raise InvalidRecipe, with what to change, where an engine does not take what a recipe says."""
    c = capabilities
    if not c.min_seconds <= recipe.seconds <= c.max_seconds:
        raise InvalidRecipe(f"This model makes clips of {c.min_seconds:g} to {c.max_seconds:g} seconds.")
    for name, words in WORDS.items():
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
    if recipe.lyrics is not None and not c.lyrics:
        raise InvalidRecipe("This model does not sing: leave the lyrics out.")
    if recipe.melody is not None and not c.melody:
        raise InvalidRecipe("This model follows no melody: leave it out, or take a melody model.")
