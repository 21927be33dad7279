"""From what a member typed to a recipe that the engine takes, or a sentence that says what to change."""

from __future__ import annotations

from bot.config import Settings
from bot.engines.base import Bounds, Capabilities
from bot.errors import InvalidRecipe
from bot.recipe import Mode, Recipe, random_seed

OPTIONS = {
    "temperature": "temperature",
    "top_k": "top-k",
    "guidance_scale": "guidance",
    "num_sampling_steps": "steps",
}
"""The recipe's fields that an engine may take, with the word that members see."""


def recipe_for(
    capabilities: Capabilities,
    settings: Settings,
    *,
    prompt: str,
    seconds: float | None = None,
    seed: int | None = None,
    negative_prompt: str | None = None,
    lyrics: str | None = None,
    melody: str | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    guidance_scale: float | None = None,
    num_sampling_steps: int | None = None,
) -> Recipe:
    """Fill what was left open, first from the owner's settings, then from the engine's defaults.

    Raises InvalidRecipe for values out of the engine's bounds and for options that it would ignore.
    """
    asked: dict[str, float | int | None] = {
        "temperature": temperature,
        "top_k": top_k,
        "guidance_scale": guidance_scale,
        "num_sampling_steps": num_sampling_steps,
    }
    if negative_prompt is not None and not capabilities.negative_prompt:
        raise InvalidRecipe(_ignored("negative", capabilities))
    if lyrics is not None and not capabilities.lyrics:
        raise InvalidRecipe(_ignored("lyrics", capabilities))
    if melody is not None:
        require_melody(capabilities)
    longest = longest_seconds(capabilities, settings)
    if seconds is None:
        seconds = min(max(settings.default_seconds, capabilities.min_seconds), longest)
    if not capabilities.min_seconds <= seconds <= longest:
        raise InvalidRecipe(
            f"A clip can be {_number(capabilities.min_seconds)} to {_number(longest)} seconds long here, "
            f"not {_number(seconds)}."
        )
    chosen = {name: _option(capabilities, settings, name, value) for name, value in asked.items()}
    return Recipe(
        prompt=prompt,
        mode=capabilities.mode,
        model=capabilities.model,
        seconds=float(seconds),
        seed=random_seed() if seed is None else seed,
        temperature=chosen["temperature"],
        top_k=_whole(chosen["top_k"]),
        guidance_scale=chosen["guidance_scale"],
        num_sampling_steps=_whole(chosen["num_sampling_steps"]),
        negative_prompt=negative_prompt or None,
        lyrics=lyrics or None,
        melody=melody,
    )


def in_other_mode(recipe: Recipe, capabilities: Capabilities, settings: Settings) -> Recipe:
    """Return the recipe for another engine: same prompt, length and seed, its own defaults for the rest."""
    longest = longest_seconds(capabilities, settings)
    return recipe_for(
        capabilities,
        settings,
        prompt=recipe.prompt,
        seconds=min(max(recipe.seconds, capabilities.min_seconds), longest),
        seed=recipe.seed,
        negative_prompt=recipe.negative_prompt if capabilities.negative_prompt else None,
        lyrics=recipe.lyrics if capabilities.lyrics else None,
        melody=recipe.melody if capabilities.melody else None,
    )


def require_melody(capabilities: Capabilities) -> None:
    """Raise InvalidRecipe where an engine follows no melody; asked before the file is fetched."""
    if not capabilities.melody:
        raise InvalidRecipe(_ignored("melody", capabilities))


def longest_seconds(capabilities: Capabilities, settings: Settings) -> float:
    """Return the longest clip that both the engine and the owner allow."""
    return min(capabilities.max_seconds, settings.max_seconds)


def bounds_over(engines: list[Capabilities], option: str) -> Bounds | None:
    """Return the widest bounds that any engine has for an option; None where no engine takes it."""
    found = [engine.options[option] for engine in engines if option in engine.options]
    if not found:
        return None
    return Bounds(min(b.low for b in found), max(b.high for b in found), found[0].default)


def _option(
    capabilities: Capabilities, settings: Settings, name: str, asked: float | int | None
) -> float | int | None:
    bounds = capabilities.options.get(name)
    if bounds is None:
        if asked is not None:
            raise InvalidRecipe(_ignored(OPTIONS[name], capabilities))
        return None
    if asked is None:
        preset = settings.preset(name)
        return bounds.default if preset is None else min(max(preset, bounds.low), bounds.high)
    if not bounds.low <= asked <= bounds.high:
        raise InvalidRecipe(
            f"{OPTIONS[name].capitalize()} can be {_number(bounds.low)} to {_number(bounds.high)} with "
            f"{capabilities.title}, not {_number(asked)}."
        )
    return asked


def _ignored(word: str, capabilities: Capabilities) -> str:
    takes = [OPTIONS[name] for name in OPTIONS if name in capabilities.options]
    known = f" It takes {', '.join(takes)}." if takes else ""
    other = Mode.DIFFUSION if capabilities.mode is Mode.AR else Mode.AR
    return (
        f"`{word}` does nothing in mode {capabilities.mode} ({capabilities.title}).{known} "
        f"Leave it out, or try mode {other}."
    )


def _whole(value: float | int | None) -> int | None:
    return None if value is None else round(value)


def _number(value: float) -> str:
    return f"{value:g}"
