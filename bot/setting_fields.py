"""How settings are declared: a default, what reads the owner's text, and what the value has to be.

The standard library does it all: a validation library would keep 12 MB in the bot's process for the few texts
that are read once, at the start.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

_TRUE = frozenset({"1", "on", "t", "true", "y", "yes"})
_FALSE = frozenset({"0", "off", "f", "false", "n", "no"})


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that its `str` and its `repr` do not show."""

    _value: str = dataclasses.field(repr=False)

    def get_secret_value(self) -> str:
        """Return the text itself."""
        return self._value


@dataclass(frozen=True, slots=True)
class SettingField:
    """A setting.

    read: returns the value of a text that is not empty, or raises ValueError.
    description: completes the sentence “NAME has to be …”.
    """

    default: object
    read: Callable[[str], object]
    description: str


def setting(default: T, read: Callable[[str], T], description: str) -> T:
    """Declare a field of a dataclass of settings, as `SettingField` has it."""
    known: Any = dataclasses.field(
        default=default, metadata={"setting": SettingField(default, read, description)}
    )
    declared: T = known
    return declared


def fields_of(settings: type[Any]) -> dict[str, SettingField]:
    """Return the settings of a dataclass by their names."""
    return {
        field.name: field.metadata["setting"]
        for field in dataclasses.fields(settings)
        if "setting" in field.metadata
    }


def text(value: str) -> str:
    """Return a text as it is."""
    return value


def boolean(value: str) -> bool:
    """Return true or false, of the words for them that settings files have."""
    word = value.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError
    return word in _TRUE


def number(low: float, high: float = math.inf, *, above: float = -math.inf) -> Callable[[str], float]:
    """Return what reads a number from low to high that is larger than `above`."""

    def read(value: str) -> float:
        found = float(value)
        if not (low <= found <= high and found > above):  # false for nan, too
            raise ValueError
        return found

    return read


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return what reads a whole number from low to high; 5.0 is one."""

    def read(value: str) -> int:
        try:
            found = int(value)
        except ValueError:
            if not (number := float(value)).is_integer():
                raise
            found = int(number)
        if not low <= found <= high:
            raise ValueError
        return found

    return read


def one_of(*values: T) -> Callable[[str], T]:
    """Return what reads one of some texts, or members of a StrEnum, whatever their letters' case."""
    known = {str(value): value for value in values}

    def read(value: str) -> T:
        word = value.strip().lower()
        if word not in known:
            raise ValueError
        return known[word]

    return read
