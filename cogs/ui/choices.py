"""Autocomplete choices for numbered objects, and parsing what a client sends back.

A client may send a choice's name in place of its value, and with two equal names it selects the first one
(Discord's API documentation, issues 7206 and 8565). So every name begins with the number, and whatever begins
like a name is read as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial

from discord import app_commands

from bot.discord_limits import MAX_CHOICE_CHARACTERS
from bot.locale import mark
from bot.recipe import AUTO, Mode
from bot.recipe.tasks import described
from cogs.ui.language import localized
from cogs.ui.text import plain

TAKES_DESCRIPTION = mark("How many clips in one message, alike but for their seeds")
"""Of the option `takes`, wherever a command has it."""
_NUMBERED = re.compile(r"#?([0-9]{1,18})(?:(?: ·|:).*)?", re.DOTALL)


def numbered_choice(number: int, *parts: str) -> app_commands.Choice[str]:
    """Return the choice “#12 · part · part” of a numbered thing; the last part is shortened to fit."""
    name = plain(" · ".join((f"#{number}", *parts)), MAX_CHOICE_CHARACTERS)
    return app_commands.Choice(name=name, value=str(number))


def number_in(text: str) -> int | None:
    """Return the number in “12”, “#12” or a choice's whole name; None for any other text.

    ASCII digits only: int() also takes those of other scripts, which name nothing here.
    """
    match = _NUMBERED.fullmatch(text.strip())
    return int(match[1]) if match else None


def mode_choices(modes: Iterable[Mode] = Mode) -> list[app_commands.Choice[str]]:
    """Return modes as choices of a command, in a musician's words."""
    return [app_commands.Choice(name=localized(partial(described, mode)), value=mode.value) for mode in modes]


def mode_or_auto_choices(modes: Iterable[Mode] = Mode) -> list[app_commands.Choice[str]]:
    """Return modes as choices, and the one that leaves the model to the votes."""
    auto = app_commands.locale_str(mark("auto (what this server's votes prefer for such words)"))
    return [*mode_choices(modes), app_commands.Choice(name=auto, value=AUTO)]
