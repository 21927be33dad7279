"""How settings are declared to attrs, and what reads the owner's texts where attrs has no converter."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs
from attrs.validators import and_

DEVICE = r"(auto|cpu|mps|cuda(:\d+)?)"
"""The regular expression of a device."""

T = TypeVar("T")


@attrs.frozen
class Secret:
    """A text that its `str` and its `repr` do not show."""

    _value: str = attrs.field(repr=False)

    def __len__(self) -> int:
        return len(self._value)

    def get_secret_value(self) -> str:
        """Return the text itself."""
        return self._value


def setting(
    default: T, description: str, converter: Callable[[Any], object], *validators: Callable[..., object]
) -> T:
    """Declare a setting, None only where that is the default.

    description: completes the sentence “NAME has to be …”.
    converter: returns the value of the owner's text; a value it returns as it is.
    """
    validator: Any = and_(*validators)
    if default is None:
        converter, validator = attrs.converters.optional(converter), attrs.validators.optional(validator)
    field: T = attrs.field(
        default=default, converter=converter, validator=validator, metadata={"description": description}
    )
    return field


def to_whole(value: str | float) -> int:
    """Read a whole number below 2^53; 5.0 is one."""
    number = float(value)
    if not number.is_integer():
        raise ValueError
    return int(number)


def to_devices(text: str) -> str:
    """Return devices, separated by commas, as they are compared with `DEVICE`."""
    return ",".join(device.strip() for device in text.lower().split(","))


def to_token(value: str | Secret) -> Secret:
    """Take what copying adds off a token: blanks, quotes, the scheme of its Authorization header."""
    if isinstance(value, Secret):
        return value
    text = value.strip(" \t\r\n\ufeff\u200b\u00a0\"'`“”„‘’")
    text = re.sub(r"(?i)^(bot|bearer)\s+", "", text)
    # An application's id and its public key stand on the same pages of the developer portal.
    if not re.fullmatch(r"[A-Za-z0-9._~+/=-]+", text) or re.fullmatch(r"\d+|[0-9a-f]{64}", text):
        raise ValueError
    return Secret(text)


def to_ids(value: str | tuple[int, ...]) -> tuple[int, ...]:
    """Read Discord's ids, separated by commas or blanks."""
    return tuple(map(int, re.split(r"[\s,]+", value.strip(" ,")))) if isinstance(value, str) else value


def to_path(value: str | Path) -> Path:
    """Read a path, with variables and ~ expanded."""
    if isinstance(value, Path):
        return value
    if "\0" in value or not value.strip():
        raise ValueError
    try:
        return Path(os.path.expandvars(value.strip())).expanduser()
    except RuntimeError as error:  # ~name of nobody
        raise ValueError from error
