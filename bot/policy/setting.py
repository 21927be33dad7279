"""A row of the table of settings: the type of its value, validation, and how the value is shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.errors import UserError
from bot.locale import mark, ntr, tr
from bot.text import sanitize

Value = bool | float | str | tuple[int, ...] | tuple[str, ...] | None
"""The value of a setting; None leaves it to the bot."""

MAX_SELECTED = 25
"""Discord's limit for the values of one select."""
MAX_WORDS = 500
MAX_WORD_CHARACTERS = 60
SERVER = 0
"""Stands for the channel's id where a setting is the whole server's."""


class SettingType(StrEnum):
    """The type of a setting's value, and so the control that changes it."""

    SWITCH = "switch"
    NUMBER = "number"
    CHOICE = "choice"
    CHOICES = "choices"
    CHANNEL = "channel"
    CHANNELS = "channels"
    ROLES = "roles"
    WORDS = "words"
    TEXT = "text"


class Panel(StrEnum):
    """A page of the panel: its title. The last is about one channel."""

    ACCESS = mark("Who and where")
    MUSIC = mark("Music")
    LIMITS = mark("Limits")
    FEATURES = mark("Duels, coach, language")
    MODERATION = mark("Moderation")
    CHANNEL = mark("This channel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A row of the table.

    name: its key in the database.  label: its name for members.  description: one sentence.
    unset: what holds while nothing is set, for the panel.  default: the value then.
    low, high, unit: of a number.  choices: value → label; empty for models, which the panel fills in.
    """

    name: str
    label: str
    type: SettingType
    panel: Panel
    description: str
    unset: str
    default: Value = None
    low: float = 0
    high: float = 0
    unit: str = ""
    choices: Mapping[str, str] | None = None

    def validate(self, value: object) -> Value:
        """Return the value in the setting's type. Raises UserError; None resets it."""
        if value is None:
            return self.default
        match self.type:
            case SettingType.SWITCH if isinstance(value, bool):
                return value
            case SettingType.NUMBER:
                return self._number(value)
            case SettingType.CHOICE | SettingType.TEXT if isinstance(value, str):
                return self._texts([value])[0]
            case SettingType.CHANNEL if isinstance(value, (list, tuple)):
                return self._ids(value, 1)
            case SettingType.CHANNELS | SettingType.ROLES if isinstance(value, (list, tuple)):
                return self._ids(value, MAX_SELECTED)
            case SettingType.CHOICES if isinstance(value, (list, tuple)) and len(value) <= MAX_SELECTED:
                return self._texts(value)
            case SettingType.WORDS if isinstance(value, (list, tuple)):
                return self._words(value)
        raise self._invalid("has a value of another type")

    def chosen(self, values: Sequence[int | str]) -> Value:
        """Return the value of a select, which may be empty. Raises UserError."""
        if self.type is SettingType.CHOICE:
            return self.validate(values[0] if values else None)
        return self.validate(tuple(values))

    def parse(self, text: str) -> Value:
        """Return the value that somebody typed into a form; nothing resets it. Raises UserError."""
        text = sanitize(text)
        if not text:
            return self.default
        if self.type is SettingType.WORDS:
            return self._words(text.replace(",", "\n").splitlines())
        if self.type is SettingType.NUMBER:
            try:
                return self._number(float(text.replace(",", ".").removesuffix(self.unit).rstrip()))
            except ValueError:
                raise self._invalid("has to be {range}, not a text", range=self.range) from None
        return self.validate(text)

    @property
    def range(self) -> str:
        """The bounds of a number, as the end of a sentence."""
        return tr("a number from {low:g} to {high:g}", low=self.low, high=self.high)

    def shown(self, value: Value) -> str:
        """Return a value as the panel and the audit log show it; ids as mentions. It is not escaped."""
        if value == self.default and self.type is not SettingType.SWITCH:
            return tr(self.unset)
        if isinstance(value, bool):
            return tr("on") if value else tr("off")
        if isinstance(value, float):
            return f"{value:g} {tr(self.unit)}".rstrip()
        if isinstance(value, str):
            return tr((self.choices or {}).get(value, value))
        if self.type is SettingType.WORDS:
            return ntr("{count} word", "{count} words", len(value or ()))
        sign = "@&" if self.type is SettingType.ROLES else "#"
        return ", ".join(f"<{sign}{one}>" if isinstance(one, int) else str(one) for one in value or ())

    def _number(self, value: object) -> float:
        good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not good or not self.low <= value <= self.high:  # type: ignore[operator]
            raise self._invalid("has to be {range}", range=self.range)
        return float(value)  # type: ignore[arg-type]

    def _texts(self, values: list[str] | tuple[str, ...]) -> tuple[str, ...]:
        for one in values:
            if not isinstance(one, str) or len(one) > 200 or (self.choices and one not in self.choices):
                raise self._invalid("doesn't have that choice")
        return tuple(dict.fromkeys(values))

    def _ids(self, values: list[object] | tuple[object, ...], most: int) -> tuple[int, ...]:
        if len(values) > most or not all(isinstance(one, int) and 0 < one < 2**63 for one in values):
            raise self._invalid("takes at most {most}", most=most)
        return tuple(dict.fromkeys(one for one in values if isinstance(one, int)))

    def _words(self, values: list[str] | tuple[str, ...]) -> tuple[str, ...]:
        words = dict.fromkeys(word for one in values if (word := " ".join(sanitize(str(one)).split())))
        if len(words) > MAX_WORDS:
            raise self._invalid("takes at most {max_words} words", max_words=MAX_WORDS)
        if long := [word for word in words if len(word) > MAX_WORD_CHARACTERS]:
            raise self._invalid(
                "takes words of at most {max_word_characters} characters; {count} longer",
                max_word_characters=MAX_WORD_CHARACTERS,
                count=len(long),
            )
        if bare := [word for word in words if not any(letter.isalnum() for letter in word)]:
            raise self._invalid("takes words with letters or digits; {count} without", count=len(bare))
        return tuple(words)

    def _invalid(self, problem: str, /, **values: object) -> UserError:
        sentence = tr(problem, **values)
        return UserError("“{label}” {problem}. Nothing was changed.", label=tr(self.label), problem=sentence)
