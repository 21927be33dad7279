"""A preset's settings as members type them: one a line, name first."""

from __future__ import annotations

from typing import Any

from bot.markdown import quoted
from bot.recipe import Mode
from bot.recipe.options import SECONDS, InvalidField
from bot.store.presets.model import PRESET_OPTIONS, Body

MAX_NUMBER_CHARACTERS = 20


_ROWS = {option.label: option for option in (SECONDS, *PRESET_OPTIONS.values())}
LABELS = ("mode", *_ROWS)
"""The settings of a preset as members know them, in the order in which they are shown."""
MAX_SETTINGS_CHARACTERS = sum(
    len(label) + 2 + int(row.bounds.high if row.is_free_text else MAX_NUMBER_CHARACTERS)
    for label, row in _ROWS.items()
)
"""Room for a line of every setting, with a text as long as it may be."""


def settings_text(body: Body) -> str:
    """Return the settings as lines such as “mode: ar”, without those left to the bot's defaults."""
    values = {"seconds": body.seconds, **body.options}
    lines = [f"mode: {body.mode}"]
    for label, row in _ROWS.items():
        value = values.get(row.name)
        if value is not None:
            shown = f"{value:g}" if isinstance(value, float) else " ".join(str(value).split())
            lines.append(f"{label}: {shown}")
    return "\n".join(lines)


def read_settings(text: str) -> dict[str, Any]:
    """Return the settings in the lines of a text, by the keys of a body's JSON. Raises InvalidField."""
    found: dict[str, Any] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        label, colon, value = (part.strip() for part in line.partition(":"))
        row = _ROWS.get(label.casefold())
        if not colon or (row is None and label.casefold() != "mode"):
            raise InvalidField(
                "settings",
                f"is no setting. Write one a line, for example “seconds: 20”: {', '.join(LABELS)}.",
                f"“{quoted(line, 60)}”",
            )
        name = row.name if row else "mode"
        if name in found:
            raise InvalidField(name, "stands there twice: leave one out.", label)
        if value:
            found[name] = row.parse(value) if row else value.casefold()
    return found


def read_tags(text: str) -> tuple[str, ...]:
    """Return what stands between commas."""
    return tuple(filter(None, map(str.strip, text.split(","))))


def read_body(template: str, settings: str, tags: str, description: str, mode: Mode) -> Body:
    """Return the body that a form describes; `mode` where it names none. Raises InvalidField."""
    fields = {"mode": mode} | read_settings(settings)
    return Body.from_dict(
        {"template": template, "tags": read_tags(tags), "description": description, **fields}
    )
