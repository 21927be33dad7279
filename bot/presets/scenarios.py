"""The starter library: scenarios with prompts for each mode, checked while they are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from bot.coach.tables import Table, packaged
from bot.discord_limits import MAX_CHOICE_CHARACTERS, MAX_CHOICES
from bot.errors import SetupError, UserError
from bot.presets.names import display_name, name_key
from bot.recipe import PROMPT_CHARACTERS, Mode

PROMPTS_PER_MODE = 3
DESCRIPTION_CHARACTERS = 100
MAX_TAGS = 5
SECONDS = (5, 60)
"""Seconds: lengths that every engine of the project makes; a preset's use clamps them to the loaded one's."""

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A purpose of music, such as studying.

    id: stable, lower case with hyphens.  name: clean for display.  prompts: three for each mode; the first
    of each is at most 100 characters long.  seconds: 5 to 60, how long such a clip wants to be.
    """

    id: str
    name: str
    description: str
    tags: tuple[str, ...]
    seconds: int
    prompts: Mapping[Mode, tuple[str, ...]]


@cache
def starters() -> tuple[Scenario, ...]:
    """Return the scenarios in the order of the file. Raises SetupError."""
    return read_starters(packaged("scenarios.toml", "bot.presets"))


def read_starters(table: Table) -> tuple[Scenario, ...]:
    """Return the scenarios of a table with an array `scenario`.

    Raises SetupError that names the scenario and the field: unknown, missing or wrong ones, a second
    scenario or prompt like an earlier one.
    """
    found = tuple(_scenario(entry) for entry in table.tables("scenario"))
    table.done()
    for what, values in {
        "id": [s.id for s in found],
        "name": [name_key(s.name) for s in found],
        "prompt": [p.casefold() for s in found for prompts in s.prompts.values() for p in prompts],
    }.items():
        twice = [value for value in values if values.count(value) > 1]
        if twice:
            raise SetupError(f"{table.where}: two scenarios have the {what} “{twice[0]}”.")
    return found


def suggestions(mode: Mode, text: str = "", *, limit: int = MAX_CHOICES) -> list[str]:
    """Return up to `limit` (≥ 0) first prompts for a mode, each ≤ 100 characters, for an autocomplete.

    text: what was typed so far, for scenarios whose name, tags or description hold it; all scenarios where
    it is blank.
    """
    wanted = text.strip().casefold()
    fitting = (s for s in starters() if wanted in " ".join([s.name, s.description, *s.tags]).casefold())
    return [s.prompts[mode][0] for s in fitting][:limit]


def _scenario(table: Table) -> Scenario:
    identity = table.text("id")
    table.where = f"{table.where} ({identity})"
    scenario = Scenario(
        id=identity,
        name=table.text("name"),
        description=table.text("description"),
        tags=table.texts("tags"),
        seconds=table.take("seconds", int),
        prompts={mode: table.texts(mode.value) for mode in Mode},
    )
    table.done()
    problem = next(_problems(scenario), None)
    if problem:
        raise SetupError(f"{table.where}: {problem}")
    return scenario


def _problems(scenario: Scenario) -> Iterator[str]:
    if not _SLUG.fullmatch(scenario.id):
        yield "“id” has to be lower-case words with hyphens between."
    if not _clean(scenario.name):
        yield "“name” has to be clean for display."
    if len(scenario.description) > DESCRIPTION_CHARACTERS:
        yield f"“description” has more than {DESCRIPTION_CHARACTERS} characters."
    if not 1 <= len(scenario.tags) <= MAX_TAGS or len(set(scenario.tags)) < len(scenario.tags):
        yield f"“tags” has to hold 1 to {MAX_TAGS} different tags."
    if any(not _SLUG.fullmatch(tag) for tag in scenario.tags):
        yield "each of “tags” has to be lower-case words with hyphens between."
    if not SECONDS[0] <= scenario.seconds <= SECONDS[1]:
        yield f"“seconds” has to be from {SECONDS[0]} to {SECONDS[1]}."
    for mode, prompts in scenario.prompts.items():
        if len(prompts) != PROMPTS_PER_MODE:
            yield f"“{mode}” has to hold {PROMPTS_PER_MODE} prompts."
        if len(prompts[0]) > MAX_CHOICE_CHARACTERS:
            yield f"the first of “{mode}” has more than {MAX_CHOICE_CHARACTERS} characters."
        if any(len(p) > PROMPT_CHARACTERS or p != p.strip() for p in prompts):
            yield f"a prompt of “{mode}” has outer spaces, or more than {PROMPT_CHARACTERS:,} characters."


def _clean(name: str) -> bool:
    try:
        return display_name(name) == name
    except UserError:
        return False
