"""Packaged TOML, read strictly: a missing, wrong or unknown field is named, with its file and entry."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, TypeVar

from bot.coach.lexicon import split_list
from bot.errors import SetupError

T = TypeVar("T")


class Table:
    """A TOML table whose fields are read one by one; `done` refuses fields that were not read."""

    def __init__(self, where: str, fields: Mapping[str, Any]) -> None:
        self.where = where
        self._fields = dict(fields)

    def take(self, name: str, kind: type[T], default: T | None = None) -> T:
        """Return the field; a field without a default has to be there. Raises SetupError."""
        if name not in self._fields:
            if default is None:
                raise SetupError(f"{self.where}: “{name}” is missing.")
            return default
        value = self._fields.pop(name)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise SetupError(f"{self.where}: “{name}” has to be of type {kind.__name__}.")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text that is not blank."""
        value = self.take(name, str, default)
        if default is None and not value.strip():
            raise SetupError(f"{self.where}: “{name}” is blank.")
        return value

    def texts(self, name: str, *, optional: bool = False) -> tuple[str, ...]:
        """Return a list of texts, written as an array or as one text with commas or line ends between."""
        value = self._fields.pop(name, [] if optional else None)
        if isinstance(value, str):
            value = split_list(value)
        if not isinstance(value, list) or not all(isinstance(v, str) and v.strip() for v in value):
            raise SetupError(f"{self.where}: “{name}” has to be a list of texts.")
        return tuple(value)

    def mapping(self, name: str, *, optional: bool = False) -> dict[str, Any]:
        """Return a table of whatever values."""
        return self.take(name, dict, {} if optional else None)

    def tables(self, name: str, *, optional: bool = False) -> tuple[Table, ...]:
        """Return an array of tables."""
        value = self.take(name, list, [] if optional else None)
        if not all(isinstance(v, dict) for v in value):
            raise SetupError(f"{self.where}: “{name}” has to be an array of tables.")
        return tuple(Table(f"{self.where}, {name} {n}", v) for n, v in enumerate(value, 1))

    def has(self, name: str) -> bool:
        """Tell whether the field is still there to be taken."""
        return name in self._fields

    def done(self) -> None:
        """Raise SetupError for fields that were not read."""
        if self._fields:
            raise SetupError(f"{self.where}: unknown field “{min(self._fields)}”.")


def parse(name: str, text: str) -> Table:
    """Return the TOML text as a table that names itself `name` in errors. Raises SetupError."""
    try:
        return Table(name, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"{name} is not valid TOML: {error}.") from error


def packaged(name: str, package: str = "bot.coach") -> Table:
    """Return the TOML file `name` of a package; of this one by default."""
    return parse(name, files(package).joinpath(name).read_text(encoding="utf-8"))
