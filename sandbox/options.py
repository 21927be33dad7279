"""The options of a slash command as a person fills them in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.model import Command, Json
from sandbox.resolve import ActionError, Resolver

SUB_COMMAND, SUB_COMMAND_GROUP = 1, 2
STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = 3, 4, 5, 6, 7, 8, 9, 10, 11
LARGEST = 1 << 53
"""Integers and numbers lie between ±2^53; source: Discord's "Application Command Option Type"."""


@dataclass(frozen=True)
class Path:
    """The sub-commands on the way to a command (`{"name", "type"}` each), and the options of the last one."""

    steps: list[Json]
    options: list[Json]


def path_of(command: Command, name: str) -> Path:
    """What "preset save" stands for; ActionError when there is no such sub-command, or one is missing."""
    words = name.split(" ")[1:]
    options: list[Json] = command.body.get("options") or []
    steps: list[Json] = []
    for word in words:
        found = [
            one for one in options if one["name"] == word and one["type"] in (SUB_COMMAND, SUB_COMMAND_GROUP)
        ]
        if not found:
            raise ActionError(f"/{name}: there is no sub-command {word!r}.")
        steps.append({"name": word, "type": found[0]["type"]})
        options = found[0].get("options") or []
    if any(one["type"] in (SUB_COMMAND, SUB_COMMAND_GROUP) for one in options):
        raise ActionError(f"/{name} wants a sub-command: {', '.join(one['name'] for one in options)}.")
    return Path(steps, options)


def name_of(data: Json) -> str | None:
    """Return the full name of an interaction's command, with sub-commands; None for other interactions."""
    if "name" not in data:
        return None
    words, inner = [str(data["name"])], data.get("options") or []
    while inner and inner[0]["type"] in (SUB_COMMAND, SUB_COMMAND_GROUP):
        words.append(str(inner[0]["name"]))
        inner = inner[0].get("options") or []
    return " ".join(words)


def fill_options(
    path: Path, values: Mapping[str, Any], resolver: Resolver, *, focused: str | None = None
) -> list[Json]:
    """The `options` of the interaction. With `focused`, what is there so far, unchecked as while typing."""
    known = {option["name"]: option for option in path.options}
    for name in values:
        if name not in known:
            raise ActionError(f"There is no option {name!r}; there are {', '.join(known) or 'none'}.")
    if focused is not None and not known.get(focused, {}).get("autocomplete"):
        raise ActionError(f"The option {focused!r} has no autocomplete.")
    filled: list[Json] = []
    for name, option in known.items():
        value = values.get(name)
        if focused is None:
            if value is None and option.get("required"):
                raise ActionError(f"The option {name!r} is required.")
            if value is not None:
                filled.append(
                    {"name": name, "type": option["type"], "value": _value(option, value, resolver)}
                )
        elif name == focused:
            shown = "" if value is None else str(value)
            filled.append({"name": name, "type": option["type"], "value": shown, "focused": True})
        elif value is not None:
            filled.append({"name": name, "type": option["type"], "value": _loose(option, value)})
    for step in reversed(path.steps):
        filled = [{**step, "options": filled}]
    return filled


def _loose(option: Json, value: Any) -> Any:
    return value if option["type"] in (STRING, INTEGER, BOOLEAN, NUMBER) else str(value)


def _value(option: Json, value: Any, resolver: Resolver) -> Any:
    kind, name = option["type"], option["name"]
    if kind == STRING:
        return _text(option, value)
    if kind in (INTEGER, NUMBER):
        return _number(option, value)
    if kind == BOOLEAN:
        if not isinstance(value, bool):
            raise ActionError(f"The option {name!r} is true or false.")
        return value
    if kind == CHANNEL:
        return resolver.a_channel(value, option.get("channel_types"))
    judge = {
        USER: resolver.user,
        ROLE: resolver.role,
        MENTIONABLE: resolver.mentionable,
        ATTACHMENT: resolver.attachment,
    }
    return judge[kind](value)


def _text(option: Json, value: Any) -> str:
    name = option["name"]
    if not isinstance(value, str) or not value:
        raise ActionError(f"The option {name!r} is a text.")
    least, most = option.get("min_length", 0), option.get("max_length", 6000)
    if not least <= len(value) <= most:
        raise ActionError(f"The option {name!r} has {least} to {most} characters, not {len(value)}.")
    _chosen(option, value)
    return value


def _number(option: Json, value: Any) -> int | float:
    name, whole = option["name"], option["type"] == INTEGER
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or (whole and not isinstance(value, int))
    ):
        raise ActionError(f"The option {name!r} is a {'whole ' if whole else ''}number.")
    least, most = option.get("min_value", -LARGEST), option.get("max_value", LARGEST)
    if not least <= value <= most:
        raise ActionError(f"The option {name!r} lies between {least} and {most}.")
    _chosen(option, value)
    return value


def _chosen(option: Json, value: Any) -> None:
    choices = option.get("choices") or []
    if choices and value not in [choice["value"] for choice in choices]:
        raise ActionError(f"The option {option['name']!r} does not offer {value!r}.")
