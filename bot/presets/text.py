"""A preset's settings as members type them: one a line, name first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.errors import InvalidRecipe
from bot.markdown import quoted
from bot.recipe import Mode
from bot.recipe.options import SECONDS, InvalidField
from bot.store.presets.model import MODEL_CHARACTERS, PRESET_OPTIONS, Body

MAX_NUMBER_CHARACTERS = 20
_VALID: Mapping[str, Any] = {
    "template": "anything",
    "mode": Mode.AR,
    "model": "",
    "tags": (),
    "description": "",
}
"""Stands in for a field with a mistake while the others are read."""


_ROWS = {option.label: option for option in (SECONDS, *PRESET_OPTIONS.values())}
LABELS = ("mode", "model", *_ROWS)
"""The settings of a preset as members know them, in the order in which they are shown."""
MAX_SETTINGS_CHARACTERS = MODEL_CHARACTERS + sum(
    len(label) + 2 + int(row.bounds.high if row.is_free_text else MAX_NUMBER_CHARACTERS)
    for label, row in _ROWS.items()
)
"""Room for a line of every setting, with a text as long as it may be."""


def labels_within(form: str, characters: int) -> str:
    """Return a text with the names of the settings in its {names}, as many as it has room for."""
    names = list(LABELS)
    while len(text := form.format(names=", ".join(names))) > characters:
        names[-2:] = ["…"]
    return text


def settings_text(body: Body) -> str:
    """Return the settings as lines such as “mode: ar”, without those left to the bot's defaults."""
    values = {"seconds": body.seconds, **body.options}
    lines = [f"mode: {body.mode}", *([f"model: {body.model}"] if body.model else [])]
    for label, row in _ROWS.items():
        value = values.get(row.name)
        if value is not None:
            shown = f"{value:g}" if isinstance(value, float) else " ".join(str(value).split())
            lines.append(f"{label}: {shown}")
    return "\n".join(lines)


def read_settings(text: str) -> tuple[dict[str, Any], list[InvalidField]]:
    """Return the settings in the lines of a text, by the keys of a body's JSON, and the mistakes in them."""
    found: dict[str, Any] = {}
    problems: list[InvalidField] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        try:
            name, value = _setting(line)
            if name in found:
                raise InvalidField(name, "appears twice. Remove one of the two lines.", f"`{name}`")
        except InvalidField as problem:
            problems.append(problem)
        else:
            found[name] = value
    return {name: value for name, value in found.items() if value is not None}, problems


def _setting(line: str) -> tuple[str, Any]:
    """Return the name and value in a line such as “seconds: 20”, None where it leaves the value out."""
    label, colon, value = (part.strip() for part in line.partition(":"))
    row = _ROWS.get(label.casefold())
    if not colon or (row is None and label.casefold() not in ("mode", "model")):
        raise InvalidField(
            "settings",
            "isn't a setting. Write one a line, such as “seconds: 20”. There are {labels}.",
            f"“{quoted(line, 60)}”",
            labels=", ".join(LABELS),
        )
    if row is None:
        name = label.casefold()
        return name, (value.casefold() if name == "mode" else value) or None
    return row.name, row.parse(value) if value else None


def read_tags(text: str) -> tuple[str, ...]:
    """Return the comma-separated parts."""
    return tuple(filter(None, map(str.strip, text.split(","))))


def read_body(template: str, settings: str, tags: str, description: str, mode: Mode) -> Body:
    """Return the body that a form describes; `mode` where it names none.

    Raises InvalidField for one mistake, InvalidRecipe with a line for each of several.
    """
    found, problems = read_settings(settings)
    typed = {"template": template, "tags": read_tags(tags), "description": description}
    data: dict[str, Any] = {"mode": mode} | found | typed
    while True:
        try:
            body = Body.from_dict(data)
            break
        except InvalidField as problem:
            problems.append(problem)
            if problem.name not in data or data[problem.name] == _VALID.get(problem.name):
                raise
            # The rest is read as well, so that every mistake is named at once.
            data[problem.name] = _VALID.get(problem.name)
            data = {name: value for name, value in data.items() if value is not None}
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise InvalidRecipe("\n".join(map(str, problems)))
    return body
