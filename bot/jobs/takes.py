"""The requests of several takes: one recipe with consecutive seeds."""

from __future__ import annotations

from dataclasses import replace

from bot.recipe import MAX_SEED, Recipe
from bot.store.job_model import Request


def seeds_of(seed: int, takes: int) -> list[int]:
    """Return the seed of each take: the first one's and those that follow it; 0 follows the largest.

    Consecutive, so that one number names them all. Each is the seed of its own clip: alone it makes the same.
    """
    return [(seed + take) % (MAX_SEED + 1) for take in range(takes)]


def recipes_of(recipe: Recipe, takes: int) -> list[Recipe]:
    """Return the recipe of each take; the first one is `recipe`."""
    return [recipe.reseeded(seed) for seed in seeds_of(recipe.seed, takes)]


def requests_of(request: Request, takes: int) -> list[Request]:
    """Return the request of each take. Their files share one message, so each gets its part of the limit."""
    size = request.max_bytes // takes
    return [replace(request, recipe=one, max_bytes=size) for one in recipes_of(request.recipe, takes)]
