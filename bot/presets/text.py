"""A preset's settings as members type them: one a line, name first."""

from __future__ import annotations

from typing import Any

from bot.ask import OPTIONS
from bot.markdown import quoted
from bot.recipe import Mode
from bot.store.presets.model import BadField, Body

WORDS = {"mode": "mode", "seconds": "seconds", **OPTIONS, "negative_prompt": "negative"}
"""Fields of a body with the word that members see, in the order in which they are shown."""
_FIELDS = {word: field for field, word in WORDS.items()}
_WHOLE = ("top_k", "num_sampling_steps")


def settings_text(body: Body) -> str:
    """Return “mode: ar” and so on, a line each, without what is left to the bot's defaults."""
    lines = [(word, getattr(body, field)) for field, word in WORDS.items()]
    return "\n".join(
        f"{word}: {f'{value:g}' if isinstance(value, float) else ' '.join(str(value).split())}"
        for word, value in lines
        if value is not None
    )


def read_settings(text: str) -> dict[str, Any]:
    """Return the fields of a body that the lines of a text set. Raises BadField, naming the line's word."""
    found: dict[str, Any] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        word, colon, value = (part.strip() for part in line.partition(":"))
        field = _FIELDS.get(word.casefold())
        if not colon or field is None:
            raise BadField(
                f"“{quoted(line, 60)}”",
                f"is no setting. Write one a line, for example “seconds: 20”: {', '.join(_FIELDS)}.",
            )
        if field in found:
            raise BadField(word, "stands there twice: leave one out.")
        if value:
            found[field] = _value(field, word, value)
    return found


def read_tags(text: str) -> tuple[str, ...]:
    """Return what stands between commas."""
    return tuple(filter(None, map(str.strip, text.split(","))))


def read_body(template: str, settings: str, tags: str, description: str, mode: Mode) -> Body:
    """Return the body that a form describes; `mode` where it names none. Raises BadField."""
    fields = {"mode": mode} | read_settings(settings)
    return Body(template=template, tags=read_tags(tags), description=description, **fields)


def _value(field: str, word: str, value: str) -> Any:
    if field == "mode":
        return value.casefold()
    if field == "negative_prompt":
        return value
    try:
        return int(value) if field in _WHOLE else float(value)
    except ValueError:
        kind = "whole number" if field in _WHOLE else "number"
        raise BadField(word, f"has to be a {kind}, not “{quoted(value, 60)}”.") from None
