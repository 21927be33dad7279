"""The models that the settings name, and recipes from before the settings changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.errors import UserError
from bot.hub.hub_cache import canonical
from bot.hub.naming import model_name
from bot.recipe import Mode, Recipe


class ConfiguredModels:
    """The configured model of each mode, by its name in the settings."""

    def __init__(self, models: Mapping[Mode, str]) -> None:
        self._models = dict(models)
        self._canonical = {mode: canonical(model) for mode, model in models.items()}

    def adopt(self, recipe: Recipe) -> Recipe:
        """Return a recipe that names its model as the settings do; another spelling is the same model.

        Raises UserError, with both models' names, where the settings name another model for its mode.
        """
        configured = self._models[recipe.mode]
        if recipe.model == configured:
            return recipe
        if canonical(recipe.model) != self._canonical[recipe.mode]:
            raise UserError(
                f"This clip was for the model {model_name(recipe.model)}, and mode {recipe.mode} now runs "
                f"{model_name(configured)}. Ask with /music for a clip from that."
            )
        return replace(recipe, model=configured)

    def adopt_shown(self, recipe: Recipe) -> Recipe:
        """Return a recipe out of an MP3's tag with the configured model, where the tag shows that one's name.

        A folder's path is not in the tag. A recipe for another model is returned as it is.
        """
        configured = self._models[recipe.mode]
        return replace(recipe, model=configured) if model_name(configured) == recipe.model else recipe
