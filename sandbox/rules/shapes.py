"""Schemas of request bodies, as data: `Fields({"content": Text(most=2000, rule=…)})`.

A shape reports every problem it finds, each with its path and Discord's field code. Wrong types are always
refused; a bound is refused while its rule is in force. A null is taken for a missing field, as Discord does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.errors import FormError, Path, Problem
from sandbox.rules.book import Rulebook


@dataclass
class Report:
    """The problems found, and the rules in force."""

    rules: Rulebook
    problems: list[Problem] = field(default_factory=list)

    def add(self, path: Path, code: str, message: str) -> None:
        """Note a problem."""
        self.problems.append((path, code, message))

    def required(self, path: Path) -> None:
        """Note that a field is missing."""
        self.add(path, "BASE_TYPE_REQUIRED", "This field is required")

    def close(self) -> None:
        """Raise FormError if anything was noted."""
        if self.problems:
            raise FormError(self.problems)


class Shape(Protocol):
    """Something that can judge a value."""

    def check(self, value: Any, path: Path, report: Report) -> None:
        """Report the problems of `value`, which is not None."""


def _length(size: int, least: int, most: int | None, path: Path, report: Report) -> None:
    if most is None:
        if size < least:
            report.add(path, "BASE_TYPE_MIN_LENGTH", f"Must be {least} or more in length.")
    elif not least <= size <= most:
        if least:
            report.add(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
        else:
            report.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")


@dataclass(frozen=True)
class Text:
    """A string of `least` to `most` characters that matches `pattern`."""

    least: int = 0
    most: int | None = None
    rule: str | None = None
    pattern: re.Pattern[str] | None = None
    pattern_rule: str | None = None

    def check(self, value: Any, path: Path, report: Report) -> None:
        """Report the problems of `value`."""
        if not isinstance(value, str):
            report.add(path, "BASE_TYPE_STRING", "Could not interpret as string.")
            return
        if self.rule is None or self.rule in report.rules:
            _length(len(value), self.least, self.most, path, report)
        if (
            self.pattern
            and (self.pattern_rule is None or self.pattern_rule in report.rules)
            and not self.pattern.fullmatch(value)
        ):
            report.add(path, "STRING_TYPE_REGEX", "String value did not match validation regex.")


@dataclass(frozen=True)
class Integer:
    """A whole number between `least` and `most`; a string of digits counts, as Discord lets it."""

    least: int | None = None
    most: int | None = None
    rule: str | None = None

    def check(self, value: Any, path: Path, report: Report) -> None:
        """Report the problems of `value`."""
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,20}", value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            report.add(path, "NUMBER_TYPE_COERCE", f'Value "{short(value)}" is not int.')
            return
        if self.rule is not None and self.rule not in report.rules:
            return
        if self.least is not None and value < self.least:
            report.add(path, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {self.least}.")
        if self.most is not None and value > self.most:
            report.add(path, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {self.most}.")


@dataclass(frozen=True)
class Real:
    """A finite number."""

    def check(self, value: Any, path: Path, report: Report) -> None:
        """Report the problems of `value`."""
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
            report.add(path, "NUMBER_TYPE_COERCE", f'Value "{short(value)}" is not float.')


@dataclass(frozen=True)
class Boolean:
    """True or false."""

    def check(self, value: Any, path: Path, report: Report) -> None:
        """Report the problems of `value`."""
        if not isinstance(value, bool):
            report.add(path, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")


@dataclass(frozen=True)
class Snowflake:
    """An id, as a string of digits or as a number."""

    def check(self, value: Any, path: Path, report: Report) -> None:
        """Report the problems of `value`."""
        if as_snowflake(value) is None:
            report.add(path, "NUMBER_TYPE_COERCE", f'Value "{short(value)}" is not snowflake.')


@dataclass(frozen=True)
class Choice:
    """One of a few values."""

    values: Collection[Any]

    def check(self, value: Any, path: Path, report: Report) -> None:
        """Report the problems of `value`."""
        if isinstance(value, (dict, list, bool)) or value not in self.values:
            listed = ", ".join(map(str, self.values))
            report.add(path, "BASE_TYPE_CHOICES", f"Value must be one of ({listed}).")


@dataclass(frozen=True)
class Anything:
    """Any JSON; judged elsewhere."""

    def check(self, value: Any, path: Path, report: Report) -> None:
        """Nothing is wrong with it."""


@dataclass(frozen=True)
class ListOf:
    """A list of `least` to `most` items of one shape."""

    item: Shape
    least: int = 0
    most: int | None = None
    rule: str | None = None

    def check(self, value: Any, path: Path, report: Report) -> None:
        """Report the problems of `value`."""
        if not isinstance(value, list):
            report.add(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return
        if self.rule is None or self.rule in report.rules:
            _length(len(value), self.least, self.most, path, report)
        for index, item in enumerate(value):
            if item is None:
                report.required((*path, index))
            else:
                self.item.check(item, (*path, index), report)


@dataclass(frozen=True)
class MapOf:
    """An object whose values share a shape."""

    item: Shape

    def check(self, value: Any, path: Path, report: Report) -> None:
        """Report the problems of `value`."""
        if not isinstance(value, dict):
            not_an_object(path, report)
            return
        for name, item in value.items():
            if item is not None:
                self.item.check(item, (*path, name), report)


@dataclass(frozen=True)
class Fields:
    """An object with known fields; unknown ones are ignored, as Discord ignores them."""

    fields: Mapping[str, Shape]
    required: Collection[str] = ()

    def check(self, value: Any, path: Path, report: Report) -> None:
        """Report the problems of `value`."""
        if not isinstance(value, dict):
            not_an_object(path, report)
            return
        for name, shape in self.fields.items():
            item = value.get(name)
            if item is not None:
                shape.check(item, (*path, name), report)
            elif name in self.required:
                report.required((*path, name))


@dataclass(frozen=True)
class Variant:
    """An object whose `tag` field says which shape it has. `rule` guards which variants may stand here."""

    shapes: Mapping[int, Shape]
    tag: str = "type"

    def check(self, value: Any, path: Path, report: Report) -> None:
        """Report the problems of `value`."""
        if not isinstance(value, dict):
            not_an_object(path, report)
            return
        kind = value.get(self.tag)
        if kind is None:
            report.required((*path, self.tag))
        elif isinstance(kind, (bool, dict, list)) or kind not in self.shapes:
            listed = ", ".join(map(str, self.shapes))
            report.add(
                (*path, self.tag),
                "UNION_TYPE_CHOICES",
                f'Value of field "{self.tag}" must be one of ({listed}).',
            )
        else:
            self.shapes[kind].check(value, path, report)


def not_an_object(path: Path, report: Report) -> None:
    """Report that an object was expected."""
    report.add(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")


def as_snowflake(value: Any) -> int | None:
    """The id in `value`, or None when it is none."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,20}", value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63:
        return value
    return None


def short(value: Any) -> str:
    """`value` for a message, cut."""
    text = str(value)
    return text if len(text) <= 60 else text[:60] + "…"


def judge(shape: Shape, value: Any, rules: Rulebook, path: Path = ()) -> None:
    """Raise FormError if `value` breaks `shape`."""
    report = Report(rules)
    if value is None:
        report.required(path)
    else:
        shape.check(value, path, report)
    report.close()
