"""The models that the settings name, and recipes from before the settings changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bot.errors import UserError
from bot.hub.hub_cache import canonical
from bot.hub.naming import model_name
from bot.locale import tr
from bot.recipe import ModelRef, Recipe


class ConfiguredModels:
    """The configured models, by their names in the settings; the first of a mode is its default."""

    def __init__(self, models: Iterable[ModelRef]) -> None:
        self._models = tuple(models)
        self._by_canonical = {ModelRef(mode, canonical(name)): name for mode, name in reversed(self._models)}

    def adopt(self, recipe: Recipe) -> Recipe:
        """Return a recipe that names its model as the settings do; another spelling is the same model.

        Raises UserError, with the names of the models, where the settings name it no more.
        """
        if recipe.model_ref in self._models:
            return recipe
        name = self._by_canonical.get(ModelRef(recipe.mode, canonical(recipe.model)))
        if name is None:
            now = " or ".join(model_name(name) for mode, name in self._models if mode is recipe.mode)
            raise UserError(
                "This clip was for the model {model_name}, and mode {mode} now runs {now}. Ask with "
                "/music for another one.",
                model_name=model_name(recipe.model),
                mode=recipe.mode,
                now=now or tr("no model"),
            )
        return replace(recipe, model=name)

    def adopt_shown(self, recipe: Recipe) -> Recipe:
        """Return a recipe out of an MP3's tag with the configured model whose name the tag shows.

        A folder's path is not in the tag. A recipe for another model is returned as it is.
        """
        for mode, name in self._models:
            if mode is recipe.mode and model_name(name) == recipe.model:
                return replace(recipe, model=name)
        return recipe
