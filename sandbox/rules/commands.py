"""The limits of application commands."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from sandbox.errors import ApiError, Path
from sandbox.model import AppSettings, Json
from sandbox.rules.book import Rulebook, rule
from sandbox.rules.shapes import (
    Boolean,
    Choice,
    Fields,
    Integer,
    ListOf,
    MapOf,
    Real,
    Report,
    Shape,
    Snowflake,
    Text,
    Variant,
)

NAME_LENGTH = rule("command_name_length", "A command's or option's name has 1 to 32 characters.")
NAME_PATTERN = rule(
    "command_name_pattern", "A slash command's or option's name is lower-case letters, digits, - and _."
)
NAME_UNIQUE = rule("command_name_unique", "A command's name occurs once per type and place.")
DESCRIPTION = rule(
    "command_description_length", "A slash command's or option's description has 1 to 100 characters."
)
MENU_BARE = rule("context_menu_bare", "A context menu has no description and no options.")
OPTION_COUNT = rule("command_options", "A command has at most 25 options.")
OPTION_NAMES = rule("command_option_unique", "An option's name occurs once in a command.")
OPTION_ORDER = rule("command_required_first", "Required options come before optional ones.")
CHOICE_COUNT = rule("command_choices", "An option has at most 25 choices.")
CHOICE_NAME = rule("command_choice_name_length", "A choice's name has 1 to 100 characters.")
CHOICE_VALUE = rule("command_choice_value_length", "A choice's text value has at most 100 characters.")
CHOICE_UNIQUE = rule("command_choice_unique", "A choice's name occurs once in an option.")
AUTOCOMPLETE_ALONE = rule(
    "command_autocomplete_or_choices", "An option has choices or autocomplete, not both."
)
SUBCOMMANDS_ALONE = rule("subcommands_alone", "Sub-commands stand beside sub-commands and groups only.")
TEXT_RANGE = rule("command_option_lengths", "A text option's lengths lie between 0 (min), 1 (max) and 6,000.")
CONTEXTS = rule("command_contexts", "Contexts and installation types name at least one each.")
COMMAND_COUNT = rule(
    "command_count", "There are at most 100 slash commands, 15 user and 15 message menus (30032)."
)
COMMAND_SIZE = rule(
    "command_size", "A command's names, descriptions and values have at most 8,000 characters together."
)

INSTALLS = rule("command_installs", "A command's installation types are those of its application.")
ENTRY_POINT = rule("entry_point_kept", "A bulk overwrite keeps the entry point command (50240).")

PRIMARY_ENTRY_POINT = 4
"""The type of the command that Discord makes itself where an application has an Activity."""
MOST = {1: 100, 2: 15, 3: 15, PRIMARY_ENTRY_POINT: 1}
_SLASH_NAME = re.compile(r"(?:(?![A-Z])[-_'\w\u0900-\u097F\u0E00-\u0E7F])*")

_slash_name = Text(1, 32, NAME_LENGTH, _SLASH_NAME, NAME_PATTERN)
_described: dict[str, Shape] = {
    "name": _slash_name,
    "name_localizations": MapOf(_slash_name),
    "description": Text(1, 100, DESCRIPTION),
    "description_localizations": MapOf(Text(1, 100, DESCRIPTION)),
}


def _option(**fields: Shape) -> Fields:
    return Fields({**_described, "required": Boolean(), **fields}, required=("name", "description"))


def _choices(value: Shape) -> ListOf:
    fields: dict[str, Shape] = {
        "name": Text(1, 100, CHOICE_NAME),
        "name_localizations": MapOf(Text(1, 100, CHOICE_NAME)),
        "value": value,
    }
    return ListOf(Fields(fields, required=("name", "value")), 0, 25, CHOICE_COUNT)


_plain: dict[int, Shape] = {
    3: _option(
        choices=_choices(Text(0, 100, CHOICE_VALUE)),
        autocomplete=Boolean(),
        min_length=Integer(0, 6000, TEXT_RANGE),
        max_length=Integer(1, 6000, TEXT_RANGE),
    ),
    4: _option(choices=_choices(Integer()), autocomplete=Boolean(), min_value=Integer(), max_value=Integer()),
    5: _option(),
    6: _option(),
    7: _option(channel_types=ListOf(Choice(range(17)))),
    8: _option(),
    9: _option(),
    10: _option(choices=_choices(Real()), autocomplete=Boolean(), min_value=Real(), max_value=Real()),
    11: _option(),
}
_sub = _option(options=ListOf(Variant(_plain), 0, 25, OPTION_COUNT))
_group = _option(options=ListOf(Variant({1: _sub}), 0, 25, OPTION_COUNT))
_fields: dict[str, Shape] = {
    "id": Snowflake(),
    "type": Choice((1, 2, 3, PRIMARY_ENTRY_POINT)),
    "default_member_permissions": Integer(0, (1 << 64) - 1),
    "dm_permission": Boolean(),
    "nsfw": Boolean(),
    "contexts": ListOf(Choice((0, 1, 2)), 1, None, CONTEXTS),
    "integration_types": ListOf(Choice((0, 1)), 1, None, CONTEXTS),
}
_SLASH = Fields(
    {
        **_described,
        **_fields,
        "options": ListOf(Variant({1: _sub, 2: _group, **_plain}), 0, 25, OPTION_COUNT),
    },
    required=("name", "description"),
)
_ENTRY = Fields(
    {**_described, **_fields, "description": Text(0, 100, DESCRIPTION), "handler": Choice((1, 2))},
    required=("name",),
)
_MENU = Fields(
    {**_fields, "name": Text(1, 32, NAME_LENGTH), "name_localizations": MapOf(Text(1, 32, NAME_LENGTH))},
    required=("name",),
)


def judge_command(body: Any, rules: Rulebook, path: Path = ()) -> None:
    """Raise FormError if one command breaks a rule."""
    report = Report(rules)
    _command(body, path, report)
    report.close()


def judge_commands(body: Any, rules: Rulebook) -> None:
    """Raise if a whole list of commands, as for a bulk overwrite, breaks a rule."""
    report = Report(rules)
    if not isinstance(body, list):
        report.add((), "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        report.close()
    for index, command in enumerate(body):
        _command(command, (index,), report)
    report.close()
    seen: Counter[tuple[int, str]] = Counter()
    for index, command in enumerate(body):
        key = (command.get("type") or 1, command["name"])
        if seen[key] and NAME_UNIQUE in rules:
            report.add(
                (index,), "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique"
            )
        seen[key] += 1
    report.close()
    judge_count([kind for kind, _ in seen], rules)


def judge_installs(bodies: list[Json], app: AppSettings, rules: Rulebook, *, bulk: bool) -> None:
    """Raise 50035 if a command asks for an installation type that the application does not support.

    A bulk overwrite says which of its commands that is. Source: "Installation Context" in Discord's
    application commands; which field code goes with it is not documented.
    """
    if app.narrows_commands or INSTALLS not in rules:
        return
    report = Report(rules)
    for index, body in enumerate(bodies):
        for place, kind in enumerate(body.get("integration_types") or []):
            if kind not in app.install_types:
                path: Path = ("integration_types", place)
                choices = ", ".join(map(str, sorted(app.install_types)))
                report.add(
                    (index, *path) if bulk else path,
                    "BASE_TYPE_CHOICES",
                    f"Value must be one of ({choices}).",
                )
    report.close()


def judge_count(kinds: list[int], rules: Rulebook) -> None:
    """Raise 30032 if there are too many commands of a type."""
    for kind, count in Counter(kinds).items():
        if count > MOST[kind] and COMMAND_COUNT in rules:
            raise ApiError(400, 30032, f"Maximum number of application commands reached ({MOST[kind]}).")


def _command(body: Any, path: Path, report: Report) -> None:
    kind = body.get("type") if isinstance(body, dict) else None
    before = len(report.problems)
    shapes = {2: _MENU, 3: _MENU, PRIMARY_ENTRY_POINT: _ENTRY}
    shape = shapes.get(kind, _SLASH) if isinstance(kind, int) and not isinstance(kind, bool) else _SLASH
    shape.check(body, path, report)
    if len(report.problems) > before or kind == PRIMARY_ENTRY_POINT:
        return
    if kind in (2, 3):
        if MENU_BARE in report.rules:
            for name in ("description", "options"):
                if body.get(name):
                    code = "APPLICATION_COMMAND_CONTEXT_MENU_FIELD"
                    report.add((*path, name), code, f"Context menu commands cannot have {name}")
        return
    _options(body.get("options") or [], (*path, "options"), report)
    if COMMAND_SIZE in report.rules and _size(body) > 8000:
        report.add(path, "APPLICATION_COMMAND_TOO_LARGE", "Command exceeds maximum size (8000)")


def _options(options: list[Json], path: Path, report: Report) -> None:
    names: set[str] = set()
    optional = False
    nested = [option["type"] in (1, 2) for option in options]
    if any(nested) and not all(nested) and SUBCOMMANDS_ALONE in report.rules:
        message = "Sub-command and sub-command group option types are mutually exclusive to all other types"
        report.add(path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
    for index, option in enumerate(options):
        place = (*path, index)
        if option["name"] in names and OPTION_NAMES in report.rules:
            code = "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS"
            report.add((*place, "name"), code, f"Option name {option['name']} is not unique")
        names.add(option["name"])
        if option.get("required") and optional and OPTION_ORDER in report.rules:
            code = "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"
            report.add(
                (*place, "required"), code, "Required options must be placed before non-required options"
            )
        optional = optional or not option.get("required")
        choices = option.get("choices") or []
        if choices and option.get("autocomplete") and AUTOCOMPLETE_ALONE in report.rules:
            code = "APPLICATION_COMMAND_OPTIONS_CHOICES_WITH_AUTOCOMPLETE"
            report.add((*place, "choices"), code, "Options with autocomplete cannot have choices")
        if len({choice["name"] for choice in choices}) < len(choices) and CHOICE_UNIQUE in report.rules:
            code = "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_EXISTS"
            report.add((*place, "choices"), code, "Option choice names must be unique")
        _options(option.get("options") or [], (*place, "options"), report)


def _size(part: Json) -> int:
    total = len(part["name"]) + len(part.get("description") or "")
    for choice in part.get("choices") or []:
        total += len(choice["name"]) + len(str(choice["value"]))
    return total + sum(map(_size, part.get("options") or []))
