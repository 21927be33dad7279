"""From what was typed after `antiphon generate` to a recipe."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path
from typing import Any

from bot.cli_source import SourceFile
from bot.config import Settings
from bot.errors import ModelMissing, UserError
from bot.recipe import Mode, Recipe
from bot.terminal import err


def recipe_for(
    engines: str,
    settings: Settings,
    mode: Mode | None,
    model: str | None,
    source: SourceFile | None,
    **given: Any,
) -> Recipe:
    """Build the recipe; with neither mode nor model, for the first model that takes what was given."""
    from bot.engines.configured import InstalledModels, described
    from bot.recipe.build import build_recipe
    from bot.recipe.validate import Unsupported

    found = [one for _, one in described(settings, importlib.import_module(engines))]
    models = InstalledModels(one for one in found if not isinstance(one, ModelMissing))
    missing = next((one for one in found if isinstance(one, ModelMissing)), None)
    # Not another mode's model in silence, where the one that would have been it is not there.
    wanted = mode or settings.fallback_mode
    if model is None and missing is not None and wanted not in models.defaults:
        raise missing
    chosen = models.chosen(mode, model, settings.fallback_mode)
    try:
        recipe = build_recipe(chosen, settings, **given)
        if source is not None:
            source.check(chosen)
        return recipe
    except Unsupported as error:
        for other in models.values():
            try:
                recipe = build_recipe(other, settings, **given)
            except Unsupported:
                continue
            how = f"--model {models.label(other.model_ref)}"
            if other is models.defaults[other.mode]:
                how = f"--mode {other.mode}"
            if mode is not None or model is not None:
                raise Unsupported(f"{error} Or use {how}.") from error
            if source is not None:
                source.check(other)
            err.print(f"Using {how}: the default model doesn't take all of these options.")
            return recipe
        raise Unsupported(
            f"{error} No model in use takes it; `antiphon models list` shows others."
        ) from error


def recipe_of(path: Path, prompt: str | None, settings: Settings, engines: str) -> Recipe:
    """Return the recipe in a file's tags, for one of the models in use. Raises UserError."""
    from bot.audio.tags import read_recipe
    from bot.engines.configured import configured_models
    from bot.jobs.configured import ConfiguredModels

    if prompt is not None:
        raise UserError("Use a prompt or --like, not both: the file's tags already hold a prompt.")
    models = configured_models(settings, importlib.import_module(engines))
    return ConfiguredModels(models).adopt_shown(read_recipe(path))


def digest(file: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits. Raises UserError."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{file} can't be read: {error.strerror or error}.") from error
