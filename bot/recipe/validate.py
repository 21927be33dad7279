"""The validator of recipes against a model's capabilities: called by the bot, and again by the worker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.errors import InvalidRecipe
from bot.locale import mark, tr
from bot.recipe import OptionValue, Recipe
from bot.recipe.capabilities import Capabilities
from bot.recipe.options import OPTIONS, Option, validate_repaint
from bot.recipe.tasks import Role, Task

_TASK_WORDS: Mapping[Task, str] = {
    Task.TEXT: mark("a clip of words alone"),
    Task.CONTINUE: mark("a continuation"),
    Task.VARY: mark("a variation"),
    Task.COVER: mark("a cover"),
    Task.REPAINT: mark("a repaint"),
    Task.HYBRID: mark("a hybrid"),
}


class Unsupported(InvalidRecipe):
    """A task, source or option that a model ignores; a model of the other mode may take it."""


def validate(recipe: Recipe, capabilities: Capabilities) -> None:
    """Raise InvalidRecipe, with what to change, where a model does not take what a recipe says."""
    validate_seconds(recipe.seconds, capabilities, capabilities.max_seconds)
    validate_sources(recipe.task, recipe.sources, capabilities)
    validate_options(recipe.options, capabilities, recipe.task)
    if recipe.task is Task.REPAINT:
        validate_repaint(recipe.options, recipe.seconds)


def validate_seconds(seconds: float, capabilities: Capabilities, longest: float) -> None:
    """Hold a length to a model's shortest clip and to `longest`, in seconds. Raises InvalidRecipe."""
    if not capabilities.min_seconds <= seconds <= longest:
        raise InvalidRecipe(
            "A clip can last {min_seconds:g} to {longest:g} seconds here, not {seconds:g}.",
            min_seconds=capabilities.min_seconds,
            longest=longest,
            seconds=seconds,
        )


def validate_sources(task: Task, roles: Iterable[Role], capabilities: Capabilities) -> None:
    """Hold a task and the roles of its sources to a model's tasks. Raises InvalidRecipe."""
    if task not in capabilities.tasks:
        raise _ignored(task, capabilities)
    for role in roles:
        if not capabilities.takes_source(role, task):
            raise _ignored(role, capabilities)


def validate_options(
    options: Mapping[str, OptionValue], capabilities: Capabilities, task: Task = Task.TEXT
) -> None:
    """Hold options to those of a model and of a task, and to their bounds. Raises InvalidRecipe."""
    for name, value in options.items():
        option, bounds = OPTIONS[name], capabilities.options.get(name)
        if task not in option.tasks:
            raise _of_another_task(option)
        if bounds is None:
            raise _ignored(option.label, capabilities)
        if option.choices:
            continue
        if isinstance(value, str):
            if len(value) > bounds.high:
                raise option.invalid(
                    "has {count:,} characters; {high:,g} is the most for {title}.",
                    count=len(value),
                    high=bounds.high,
                    title=capabilities.title,
                )
        elif not bounds.low <= value <= bounds.high:
            raise option.invalid(
                "can be {low:g} to {high:g} with {title}, not {value:g}.",
                low=bounds.low,
                high=bounds.high,
                title=capabilities.title,
                value=value,
            )


def _of_another_task(option: Option) -> InvalidRecipe:
    tasks = tr(" or ").join(tr(_TASK_WORDS[task]) for task in Task if task in option.tasks)
    return InvalidRecipe("`{label}` is for {tasks}. Leave `{label}` out.", label=option.label, tasks=tasks)


def _ignored(word: str, capabilities: Capabilities) -> Unsupported:
    takes = [f"`{option.label}`" for name, option in OPTIONS.items() if name in capabilities.options]
    given = {"word": word, "mode": capabilities.mode, "title": capabilities.title}
    if not takes:
        return Unsupported("`{word}` does nothing in mode {mode} ({title}). Leave `{word}` out.", **given)
    return Unsupported(
        "`{word}` does nothing in mode {mode} ({title}). It takes {options}. Leave `{word}` out.",
        options=", ".join(takes),
        **given,
    )
