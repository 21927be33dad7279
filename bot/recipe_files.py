"""A recipe as it leaves the machine, and as a file of its own."""

from __future__ import annotations

import json
from dataclasses import replace

from bot.errors import InvalidRecipe
from bot.hub.naming import model_name
from bot.recipe import Recipe

MAX_RECIPE_BYTES = 64 * 1024
"""No recipe is longer: prompt and lyrics have a few thousand characters, of at most four bytes."""


def outside(recipe: Recipe) -> Recipe:
    """Return a recipe without a path in it: of a model that is a folder, it names the last part alone."""
    return replace(recipe, model=model_name(recipe.model))


def recipe_file(recipe: Recipe) -> bytes:
    """Return a recipe as a JSON file, which parse_recipe reads."""
    return (json.dumps(outside(recipe).to_dict(), ensure_ascii=False, indent=2) + "\n").encode()


def parse_recipe(text: str) -> Recipe:
    """Return the recipe in a tag's text or a recipe file's, which anybody may have written.

    Raises InvalidRecipe for what is no recipe of this version.
    """
    try:
        return Recipe.from_json(text)
    except (InvalidRecipe, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidRecipe(
            "The recipe in this file can't be used: it is damaged, or another version of Antiphon wrote it."
        ) from error
