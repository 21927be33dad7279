"""A recipe as it leaves the machine, and as a file of its own."""

from __future__ import annotations

import json
from dataclasses import replace

from bot.hub.naming import model_name
from bot.recipe import Recipe


def outside(recipe: Recipe) -> Recipe:
    """Return a recipe without a path in it: of a model that is a folder, it names the last part alone."""
    return replace(recipe, model=model_name(recipe.model))


def recipe_file(recipe: Recipe) -> bytes:
    """Return a recipe as a JSON file, which bot.audio.tags.read_recipe reads."""
    return (json.dumps(outside(recipe).to_dict(), ensure_ascii=False, indent=2) + "\n").encode()
