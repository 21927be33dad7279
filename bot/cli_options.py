"""The table of options on the command line."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from bot.recipe.options import NO, OPTIONS, SWITCH, Option


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command whose `**options` is one option a row; typer reads the signature."""
    signature = inspect.signature(command, eval_str=True)
    parameters = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    parameters += [
        inspect.Parameter(
            option.parameter,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                option.type | None,
                typer.Option(
                    f"--{option.label}", help=f"{option.description}. [default: {_default(option)}]"
                ),
            ],
        )
        for option in OPTIONS.values()
    ]

    def with_every_option(**given: Any) -> None:
        command(**given)

    with_every_option.__name__ = command.__name__
    with_every_option.__doc__ = command.__doc__
    with_every_option.__annotations__ = {p.name: p.annotation for p in parameters}
    with_every_option.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return with_every_option


def _default(option: Option) -> str:
    """Say what holds where the option is left out."""
    if option.has_setting:
        return f"{option.name.upper()} in .env, else the model's own"
    if option.choices == SWITCH:
        return NO
    return "none" if option.is_free_text else "the model decides"
